"""Holds orders that the customer's terms do not cover, and releases them once they are covered."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import TERMS, find_customer
from domain.credit.terms import Claim, check_terms
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.money import ZERO
from domain.orders.balance import calculate_balance
from domain.orders.record import record_event
from domain.orders.statuses import OPEN_STATUSES
from models import Order, OrderEventKind
from models.session import raw_connection


async def settle_hold(db: AsyncSession, order: Order, *, by: Actor) -> None:
    """Hold a changed order that terms do not cover, with the current reason, or release a held order that they cover.

    The order must be locked with its customer (`lock_order(with_customer=True)`). Does nothing for an order that was
    not placed on terms, nor for one that has been shipped, which stays in the exposure.
    """
    if not order.on_terms or order.status not in OPEN_STATUSES:
        return
    why = await why_not_covered(db, order)
    if order.hold_reason == why:
        return
    was_held, order.on_hold = order.on_hold, bool(why)
    changes = {"hold_reason": {"from": order.hold_reason, "to": why}}
    order.hold_reason = why
    if was_held != order.on_hold:
        await record_event(
            db, order, OrderEventKind.HELD if why else OrderEventKind.COVERED, by=by, note=why, changes=changes
        )
    await db.flush()


async def settle_raised(db: AsyncSession, order: Order, *, balance_before: Decimal, overrides: bool, by: Actor) -> None:
    """Like `settle_hold`, for staff who changed an order's total: raises Refused if terms do not cover it.

    An order that is on hold stays on hold. With `overrides`, a manager releases it at its new total. `balance_before`
    is what was owed before the change: an order that is itself overdue must not increase.
    """
    is_late = not order.on_hold and balance_before > ZERO and order.created_at < now() - TERMS
    why = await why_not_covered(db, order, is_late=is_late)
    if why and overrides:
        order.released_total = order.total_amount
    elif why and not order.on_hold:
        raise refuse_terms(why)
    await settle_hold(db, order, by=by)


async def why_not_covered(db: AsyncSession, order: Order, *, is_late: bool = False) -> str:
    """Return why a locked order must wait in its current state; an empty string if it need not, or is not on terms."""
    if not order.on_terms:
        return ""
    await db.flush()
    connection = await raw_connection(db)
    customer = await find_customer(connection, order.customer_id) if order.customer_id is not None else None
    claim = Claim(order.total_amount, calculate_balance(order), order.id, order.released_total, is_late)
    return await check_terms(connection, customer, claim)


def refuse_terms(why: str) -> Refused:
    """Return the refusal for staff if terms do not cover an order."""
    return Refused(why, code=Code.TERMS_NOT_COVERED, hint="Take a payment, or ask a manager to override.")
