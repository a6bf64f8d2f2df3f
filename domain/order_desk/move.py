"""Changes the status of orders; the state machine itself is in `statuses.py`."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.inputs import Input, Text200, Text2000
from domain.order_desk.cancel import cancel_order
from domain.order_desk.edit import check_may_assign
from domain.orders.hold import settle_hold
from domain.orders.record import follow_change, lock_order, move_locked_order
from domain.orders.statuses import check_move
from domain.payments.record import settle_payment_status, show_waiting_check
from domain.payments.refund_rows import show_left_to_give_back
from domain.stock.stock import take_stock_again
from domain.warehouse.label_rows import show_labels_to_void
from domain.warehouse.record import empty_boxes
from models import Order, OrderStatus, Role, StockReason
from models.session import raw_connection


class UpdateStatus(Input):
    """The new status of an order, with notes."""

    status: OrderStatus
    staff_notes: Text2000 | None = None
    assigned_to: Text200 | None = None


async def update_status(
    db: AsyncSession, order_id: int, data: UpdateStatus, *, by: Actor, version: int | None = None
) -> Order:
    """Change an order's status and store the notes. Raises NotAllowed if the warehouse sends an assignee."""
    if data.assigned_to is not None:
        check_may_assign(by)
    order = await move_order(db, order_id, to=data.status, by=by, version=version)
    if data.staff_notes is not None:
        order.staff_notes = data.staff_notes
    if data.assigned_to is not None:
        order.assigned_to = data.assigned_to
    await db.flush()
    return order


async def move_order(
    db: AsyncSession,
    order_id: int,
    *,
    to: OrderStatus,
    by: Actor,
    note: str = "",
    version: int | None = None,
) -> Order:
    """Change the status of an order the actor may see.

    Cancelling returns its stock; leaving cancelled takes it again, or raises Refused naming what is short. An order on
    hold can only be cancelled. Raises Refused naming the allowed statuses for any other move.
    """
    if to is OrderStatus.CANCELLED:
        return await cancel_order(db, order_id, by=by, reason=note, version=version)
    reopens = by.is_staff and by.role in {Role.ADMIN, Role.MANAGER}
    order = await lock_order(db, order_id, visible_to=by, version=version, with_customer=reopens)
    moved_from = OrderStatus(order.status)
    check_move(moved_from, to, by.role)
    if order.on_hold:
        raise Refused(f"The order is on hold: {order.hold_reason}", code=Code.ON_HOLD, allowed=["cancelled"])
    await move_locked_order(db, order, to, by=by, note=note)
    if moved_from is OrderStatus.CANCELLED:
        await empty_boxes(db, order)
        await reopen_order(db, order, by)
    return order


async def reopen_order(db: AsyncSession, order: Order, by: Actor) -> None:
    """Take the stock of an order that leaves cancelled, check its terms again, and recalculate its payment status."""
    await show_left_to_give_back(db, order)
    await show_labels_to_void(db, order)
    settle_payment_status(order)
    await show_waiting_check(db, order)
    await settle_hold(db, order, by=by)
    if order.takes_stock:
        await take_stock_again(await raw_connection(db), order.id, reason=StockReason.ORDER_REOPENED, by=by)
    await db.flush()
    await follow_change(db, order)
