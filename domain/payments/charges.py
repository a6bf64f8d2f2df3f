"""Payments that a higher area settles itself: renewals with a saved payment method, and receipts for invoices.

That area registers its settling functions here, so that events, the reconciler and the first answer use the same ones.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from integrations.stripe_client import StripeDispute, StripePayment, StripeRefund
from integrations.stripe_saved import FinishedSetup
from models import IntentKind, IntentState

# Takes the row's id with Stripe's payment, or without one Stripe's reason for refusing.
Settle = Callable[[int, StripePayment | None, str], Awaitable[IntentState]]
_settling: dict[str, Settle] = {}
# Takes a row's id and returns why it must not be charged any more; an empty string if it may.
Stop = Callable[[int], Awaitable[str]]
_stopping: dict[str, Stop] = {}
# Takes the row's id with the saved payment method.
Save = Callable[[int, FinishedSetup], Awaitable[None]]
_saving: list[Save] = []


@dataclass(frozen=True, slots=True)
class ReceiptSettling:
    """The functions that record money of a receipt going back.

    They record a refund, a dispute, and a refund (by its row's id) that Stripe refused for a reason.
    """

    refund: Callable[[StripeRefund], Awaitable[IntentState | None]]
    dispute: Callable[[StripeDispute], Awaitable[None]]
    refused: Callable[[int, str], Awaitable[None]]


_receipts: list[ReceiptSettling] = []


def settles(kind: IntentKind) -> Callable[[Settle], Settle]:
    """Register the function that settles charges of a kind."""

    def register(settle: Settle) -> Settle:
        _settling[kind] = settle
        return settle

    return register


async def settle_charge(kind: str, intent_id: int, payment: StripePayment | None, error: str = "") -> IntentState:
    """Call the registered function to settle a charge."""
    return await _settling[kind](intent_id, payment, error)


def stops(kind: IntentKind) -> Callable[[Stop], Stop]:
    """Register the function that says whether a charge of a kind is not wanted any more."""

    def register(stop: Stop) -> Stop:
        _stopping[kind] = stop
        return stop

    return register


async def why_not_charged(kind: str, intent_id: int) -> str:
    """Return why a planned charge must not be made any more; an empty string if it may."""
    return await _stopping[kind](intent_id) if kind in _stopping else ""


def saves_methods(save: Save) -> Save:
    """Register the function that stores the payment methods that customers save."""
    _saving[:] = [save]
    return save


async def save_method(intent_id: int, setup: FinishedSetup) -> None:
    """Call the registered function to store a payment method."""
    await _saving[0](intent_id, setup)


def settles_receipts(settling: ReceiptSettling) -> None:
    """Register the functions that settle money of receipts going back."""
    _receipts[:] = [settling]


def receipts() -> ReceiptSettling:
    """Return the registered functions."""
    return _receipts[0]
