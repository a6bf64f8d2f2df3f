"""Payments that an area above writes down by itself: renewals with what a customer saved, and receipts of invoices.

The area registers its settling here, so that events, the reconciler and the first answer all end in one place.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from integrations.stripe_client import StripeDispute, StripePayment, StripeRefund
from integrations.stripe_saved import FinishedSetup
from models import IntentKind, IntentState

# The row's id with Stripe's word, or without one the sentence that Stripe refused with.
Settle = Callable[[int, StripePayment | None, str], Awaitable[IntentState]]
_settling: dict[str, Settle] = {}
# Of a row's id, why it is not to be charged any more; empty while it is.
Stop = Callable[[int], Awaitable[str]]
_stopping: dict[str, Stop] = {}
# The row's id with what the customer saved.
Save = Callable[[int, FinishedSetup], Awaitable[None]]
_saving: list[Save] = []


@dataclass(frozen=True, slots=True)
class ReceiptSettling:
    """What writes down that money of a receipt goes back: a refund, a dispute, and a refund (by its row's id) that
    Stripe refused with a sentence."""

    refund: Callable[[StripeRefund], Awaitable[IntentState | None]]
    dispute: Callable[[StripeDispute], Awaitable[None]]
    refused: Callable[[int, str], Awaitable[None]]


_receipts: list[ReceiptSettling] = []


def settles(kind: IntentKind) -> Callable[[Settle], Settle]:
    """Register what settles the charges of a kind."""

    def register(settle: Settle) -> Settle:
        _settling[kind] = settle
        return settle

    return register


async def settle_charge(kind: str, intent_id: int, payment: StripePayment | None, error: str = "") -> IntentState:
    """Have a charge settled by the area it belongs to."""
    return await _settling[kind](intent_id, payment, error)


def stops(kind: IntentKind) -> Callable[[Stop], Stop]:
    """Register what says that a charge of a kind is not wanted any more."""

    def register(stop: Stop) -> Stop:
        _stopping[kind] = stop
        return stop

    return register


async def why_not_charged(kind: str, intent_id: int) -> str:
    """Why a charge that was meant is not to be made any more; empty while it is."""
    return await _stopping[kind](intent_id) if kind in _stopping else ""


def saves_methods(save: Save) -> Save:
    """Register what keeps the payment methods that customers save."""
    _saving[:] = [save]
    return save


async def save_method(intent_id: int, setup: FinishedSetup) -> None:
    """Have the area that asked for a payment method keep it."""
    await _saving[0](intent_id, setup)


def settles_receipts(settling: ReceiptSettling) -> None:
    """Register what settles what goes back of receipts."""
    _receipts[:] = [settling]


def receipts() -> ReceiptSettling:
    """What was registered."""
    return _receipts[0]
