"""The status changes made in the warehouse: picked, shipped (with a text to the customer), and delivered."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.inputs import Input, Text60
from domain.messages.outbox import queue_text
from domain.orders.record import move_locked_order, record_event
from domain.orders.statuses import check_move
from domain.warehouse.carriers import public_page
from domain.warehouse.label_rows import drop_other_trackers
from domain.warehouse.record import lock_numbered, refuse_held
from models import Order, OrderEventKind, OrderStatus

SHIPPED_TEXT = "order_shipped"


class ShipOrder(Input):
    """How the order is shipped; values that are omitted stay as a label set them."""

    tracking_number: Text60 | None = None
    """The tracking number."""
    carrier: Text60 | None = None
    """The carrier."""


async def confirm_order(db: AsyncSession, order_number: str, *, by: Actor) -> Order:
    """Record that an order is picked: a pending one becomes confirmed, a confirmed one stays confirmed.

    Raises Refused with code `on_hold` for an order on hold, and for one that is packed or further.
    """
    order = await lock_numbered(db, order_number, by=by)
    refuse_held(order)
    is_again = order.status == OrderStatus.CONFIRMED
    if not is_again:
        check_move(OrderStatus(order.status), OrderStatus.CONFIRMED, None)
    was_picked = order.picked_at is not None
    order.picked_at = order.picked_at or now()
    if not is_again:
        await move_locked_order(db, order, OrderStatus.CONFIRMED, by=by)
    elif not was_picked:
        await record_event(db, order, OrderEventKind.PICKED, by=by)
    return order


async def pack_locked_order(db: AsyncSession, order: Order, *, by: Actor, note: str = "") -> None:
    """Mark a locked order packed. Raises Refused unless it is pending or confirmed."""
    refuse_held(order)
    check_move(OrderStatus(order.status), OrderStatus.PACKED, None)
    order.picked_at = order.picked_at or now()
    order.set_aside_at = None
    await move_locked_order(db, order, OrderStatus.PACKED, by=by, note=note)


async def ship_order(
    db: AsyncSession, order_number: str, data: ShipOrder, *, by: Actor, company_name: str, version: int | None = None
) -> Order:
    """Mark a confirmed or packed order shipped and text the customer, once per order.

    Raises Refused in any other status, and for an order on hold.
    """
    order = await lock_numbered(db, order_number, by=by, version=version)
    await ship_locked_order(db, order, data, by=by, company_name=company_name)
    return order


async def ship_locked_order(db: AsyncSession, order: Order, data: ShipOrder, *, by: Actor, company_name: str) -> None:
    """Like `ship_order`, for an order that is already locked. Raises Refused in any other status, and on hold."""
    refuse_held(order)
    if order.status not in {OrderStatus.CONFIRMED, OrderStatus.PACKED}:
        raise Refused(
            f"Only a confirmed or packed order can be shipped; this one is {order.status}.",
            code=Code.STATE_NOT_ALLOWED,
            allowed=["confirmed"] if order.status == OrderStatus.PENDING else [],
        )
    order.tracking_number = data.tracking_number or order.tracking_number
    order.carrier = data.carrier or order.carrier
    await drop_other_trackers(db, order)
    order.picked_at = order.picked_at or now()
    order.set_aside_at = None
    note = f"Tracking {order.tracking_number}" if order.tracking_number else ""
    await move_locked_order(db, order, OrderStatus.SHIPPED, by=by, note=note)
    await text_shipped(db, order, company_name=company_name)


async def text_shipped(db: AsyncSession, order: Order, *, company_name: str) -> None:
    """Text the customer that the order is on its way; once per order, whatever happens to it later."""
    if not order.delivery_phone:
        return
    words = f"{company_name}: your order {order.order_number} is on its way"
    if order.carrier:
        words += f" with {order.carrier}"
    words += "."
    if order.tracking_number:
        link = public_page(order.carrier, order.tracking_number)
        words += f" Tracking {order.tracking_number}" + (f": {link}" if link else ".")
    await queue_text(
        db,
        kind=SHIPPED_TEXT,
        to=order.delivery_phone,
        text=words,
        order_id=order.id,
        customer_id=order.customer_id,
        dedupe_key=f"{SHIPPED_TEXT}:{order.id}",
    )


async def deliver_order(db: AsyncSession, order_number: str, *, by: Actor) -> Order:
    """Mark a shipped order delivered. Raises Refused in any other status."""
    order = await lock_numbered(db, order_number, by=by)
    if order.status != OrderStatus.SHIPPED:
        raise Refused(
            f"Only a shipped order can be delivered; this one is {order.status}.",
            code=Code.STATE_NOT_ALLOWED,
            allowed=["shipped"] if order.status in {OrderStatus.CONFIRMED, OrderStatus.PACKED} else [],
        )
    await move_locked_order(db, order, OrderStatus.DELIVERED, by=by)
    return order
