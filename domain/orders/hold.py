"""Holding an order on terms that its customer's credit does not cover, and letting it go once it is covered."""

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
    """Hold a changed order that terms do not cover, with a fresh sentence, or let a held one go that they do.

    The order is locked with its customer (`lock_order(with_customer=True)`). One that was not placed on terms is left
    alone, and so is one whose goods have left: it stays in the exposure.
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
    """The same at a door of colleagues for an order whose total has changed: what isn't covered is refused.

    An order on hold stays there. With `overrides` a manager lets it go at its new total. `balance_before` was owed
    before the change: an order that is itself overdue grows no further.
    """
    is_late = not order.on_hold and balance_before > ZERO and order.created_at < now() - TERMS
    why = await why_not_covered(db, order, is_late=is_late)
    if why and overrides:
        order.released_total = order.total_amount
    elif why and not order.on_hold:
        raise refuse_terms(why)
    await settle_hold(db, order, by=by)


async def why_not_covered(db: AsyncSession, order: Order, *, is_late: bool = False) -> str:
    """Why a locked order must wait, as it now stands; empty for one that is not on terms."""
    if not order.on_terms:
        return ""
    await db.flush()
    connection = await raw_connection(db)
    customer = await find_customer(connection, order.customer_id) if order.customer_id is not None else None
    claim = Claim(order.total_amount, calculate_balance(order), order.id, order.released_total, is_late)
    return await check_terms(connection, customer, claim)


def refuse_terms(why: str) -> Refused:
    """The refusal of colleagues' doors for what terms do not cover."""
    return Refused(why, code=Code.TERMS_NOT_COVERED, hint="Take a payment, or ask a manager to override.")
