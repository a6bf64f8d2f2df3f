"""Undo of a recent cancellation: the order is restored if only its stock was returned."""

from datetime import timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.order_desk.move import reopen_order
from domain.orders.record import lock_order, move_locked_order
from domain.orders.statuses import check_move
from models import Invoice, Order, OrderEvent, OrderEventKind, OrderStatus

# The toast stays for ten seconds, longer under a pointer; after that, an order is reopened as pending.
UNDO_WITHIN = timedelta(minutes=2)
UNDOABLE = (OrderStatus.PENDING, OrderStatus.CONFIRMED)


async def can_undo_cancelling(db: AsyncSession, order_id: int, *, by: Actor) -> bool:
    """Return True while the actor may undo their cancellation of the order."""
    return await _find(db, order_id, by) is not None


async def undo_cancelling(db: AsyncSession, order_id: int, *, by: Actor) -> Order:
    """Restore a cancelled order's status and timestamps, and take its stock again.

    Raises Refused if it is too late, if something besides stock was returned, if its stock has been sold in the
    meantime, and if terms no longer cover an order that was confirmed.
    """
    order = await lock_order(db, order_id, visible_to=by, with_customer=True)
    check_move(OrderStatus(order.status), OrderStatus.PENDING, by.role)
    cancelling = await _find(db, order_id, by)
    if cancelling is None:
        raise Refused("It can no longer be undone. Reopen the order instead.", code=Code.STALE)
    before = OrderStatus(cancelling.from_status or "")
    await move_locked_order(db, order, before, by=by, note="Undone")
    await reopen_order(db, order, by)
    if order.on_hold and before is not OrderStatus.PENDING:
        raise Refused(order.hold_reason, code=Code.TERMS_NOT_COVERED)
    return order


async def _find(db: AsyncSession, order_id: int, by: Actor) -> OrderEvent | None:
    """Return the order's newest event if the actor cancelled it without payments or an invoice changing, else None."""
    newest = select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id.desc()).limit(1)
    event = (await db.execute(newest)).scalar_one_or_none()
    if event is None or event.to_status != OrderStatus.CANCELLED or event.kind != OrderEventKind.MOVED:
        return None
    is_own = (event.actor_kind, event.actor_id) == (by.kind, by.id)
    if not is_own or event.from_status not in UNDOABLE or event.changes or event.created_at < now() - UNDO_WITHIN:
        return None
    paid = exists().where(Order.id == order_id, Order.amount_paid > 0)
    billed = exists().where(Invoice.order_id == order_id)
    return None if (await db.execute(select(or_(paid, billed)))).scalar_one() else event
