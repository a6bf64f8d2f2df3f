"""Charges of saved payment methods: who asks for one writes down by itself what came of it.

The area above registers its settling here, so that events, the reconciler and the first answer all end in one place.
"""

from collections.abc import Awaitable, Callable

from integrations.stripe_client import StripePayment
from models import IntentKind, IntentState

# The row's id with Stripe's word, or without one the sentence that Stripe refused with.
Settle = Callable[[int, StripePayment | None, str], Awaitable[IntentState]]
_settling: dict[str, Settle] = {}


def settles(kind: IntentKind) -> Callable[[Settle], Settle]:
    """Register what settles the charges of a kind."""

    def register(settle: Settle) -> Settle:
        _settling[kind] = settle
        return settle

    return register


async def settle_charge(kind: str, intent_id: int, payment: StripePayment | None, error: str = "") -> IntentState:
    """Have a charge settled by the area it belongs to."""
    return await _settling[kind](intent_id, payment, error)
