"""Deletes orders that are pending or cancelled and have no payment, label or invoice."""

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.live import Topic, announce
from domain.orders.commission import settle_commissions
from domain.orders.record import lock_order
from domain.payments.check_photos import forget_photos_later
from domain.payments.withdraw import has_payment_under_way
from domain.stock.stock import return_held_stock
from models import AuditAction, Invoice, Label, Order, OrderStatus, Payment, StockReason
from models.session import raw_connection


async def delete_order(db: AsyncSession, order_id: int, *, by: Actor, version: int | None = None) -> None:
    """Delete an order permanently; stock it still holds is returned, and the audit trail records what it was.

    Raises Refused with "cancel it" for an order that is further along, has a payment, or is being paid at Stripe: the
    money would arrive without an order, while cancelling closes the payment. Managers only.
    """
    require(by, Right.DELETE_ORDERS, "Only a manager deletes orders.")
    order = await lock_order(db, order_id, visible_to=by, version=version)
    has_payment = (await db.execute(select(exists().where(Payment.order_id == order_id)))).scalar_one()
    has_payment = has_payment or await has_payment_under_way(db, order_id)
    has_label = (await db.execute(select(exists().where(Label.order_id == order_id)))).scalar_one()
    is_invoiced = (await db.execute(select(exists().where(Invoice.order_id == order_id)))).scalar_one()
    is_over = order.status in {OrderStatus.PENDING, OrderStatus.CANCELLED}
    if not is_over or has_payment or is_invoiced or has_label or order.tracking_number:
        raise Refused(
            "Only a pending or cancelled order without payment, label or invoice can be deleted; cancel it.",
            code=Code.CANCEL_INSTEAD,
        )
    connection = await raw_connection(db)
    await return_held_stock(connection, order_id, reason=StockReason.ORDER_DELETED, by=by)
    # An advance on the rep's commission is taken back.
    await settle_commissions(connection, order_id, are_deleted=True)
    await record_audit(
        db,
        action=AuditAction.ORDER_DELETED,
        record_kind="order",
        record_id=order_id,
        record_name=order.order_number,
        before={
            "status": order.status,
            "delivery_name": order.delivery_name,
            "total_amount": str(order.total_amount),
            "created_at": order.created_at.isoformat(),
        },
        by=by,
    )
    await forget_photos_later(db, order_id)
    await db.execute(delete(Order).where(Order.id == order_id))
    await announce(db, Topic.ORDERS, order_id)
