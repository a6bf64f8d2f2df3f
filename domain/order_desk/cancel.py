"""Cancels orders: stock and store credit are returned, payments by Stripe are refunded, the invoice is voided.

Money that was received by hand needs attention, and so does a refund that Stripe refuses.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.invoices.void import end_order_invoice
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.errors import NotAllowed
from domain.kernel.money import format_money
from domain.orders.record import lock_order, record_event
from domain.orders.statuses import check_move
from domain.payments.give_back_credit import give_back_credit
from domain.payments.record import settle_payment_status
from domain.payments.refund_rows import prepare_order_refunds, show_left_to_give_back
from domain.payments.withdraw import withdraw_later
from domain.stock.stock import return_held_stock
from domain.warehouse.label_rows import show_labels_to_void
from models import Order, OrderEventKind, OrderStatus, StockReason
from models.session import raw_connection


async def cancel_order(
    db: AsyncSession, order_id: int, *, by: Actor, reason: str = "", version: int | None = None
) -> Order:
    """Cancel an order the actor may see.

    Raises Refused if its status does not allow it, and NotAllowed for a paid order without an office role. Locks the
    customer, the order, then the products. Refunds are prepared here and made by a job, or by `send_order_refunds` once
    this is committed.
    """
    if by.is_staff:
        require(by, Right.CANCEL_ORDERS, "The warehouse can't cancel orders. Ask the desk.")
    order = await lock_order(db, order_id, visible_to=by, version=version, with_customer=True)
    check_move(OrderStatus(order.status), OrderStatus.CANCELLED, by.role)
    if by.is_staff and order.amount_paid > 0 and not may(by, Right.CANCEL_PAID_ORDERS):
        raise NotAllowed("This order has been paid; only the office can cancel it.")
    moved_from = order.status
    order.status = OrderStatus.CANCELLED
    order.cancelled_at = now()
    order.on_hold = False
    order.hold_reason = ""
    returned = await give_back_credit(db, order, by=by)
    settle_payment_status(order)
    await prepare_order_refunds(db, order, by=by)
    await show_left_to_give_back(db, order)
    await show_labels_to_void(db, order)
    await withdraw_later(db, order)
    ended = await end_order_invoice(db, order, by=by)
    gone = {"credit_returned": format_money(returned) if returned else None, "invoice": ended}
    await record_event(
        db,
        order,
        OrderEventKind.MOVED,
        by=by,
        note=reason,
        moved_from=moved_from,
        moved_to=OrderStatus.CANCELLED,
        changes={name: value for name, value in gone.items() if value} or None,
    )
    await return_held_stock(await raw_connection(db), order.id, reason=StockReason.ORDER_CANCELLED, by=by)
    return order
