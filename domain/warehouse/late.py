"""Parcels that did not arrive on the day the carrier named: the customer is texted once, and staff see them."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today, now
from domain.messages.outbox import queue_text
from domain.orders.attention import add_attention
from domain.orders.filters import ORDERS
from domain.orders.record import lock_order
from domain.warehouse.carriers import public_page
from models import Order, OrderStatus, Tracker, columns_of

LATE_TEXT = "parcel_late"
TRACKERS = columns_of(Tracker)
# Parcels that have been late for longer cause no more notifications.
_NOTIFIED_WITHIN = timedelta(days=7)
_MOST_AT_ONCE = 200
_WATCH = Actor(ActorKind.SYSTEM, name="Late parcels")


def is_late(today: ColumnElement[datetime]) -> ColumnElement[bool]:
    """The condition for an order in transit after the day that the carrier named; on that day itself it is not late.

    `today` is the start of the day according to `begin_carriers_day`.
    """
    late = select(TRACKERS.order_id).where(TRACKERS.expected_at < today, TRACKERS.status != "delivered")
    return and_(ORDERS.status == OrderStatus.SHIPPED, ORDERS.id.in_(late))


async def notify_of_late_parcels(db: AsyncSession, *, timezone: tzinfo, company_name: str) -> int:
    """Text each customer whose parcel is late and mark the order for attention, once per parcel. Returns how many."""
    today = begin_carriers_day(business_today(timezone))
    late = await db.execute(
        select(TRACKERS.order_id, TRACKERS.id)
        .join_from(TRACKERS.id.table, ORDERS.id.table, ORDERS.id == TRACKERS.order_id)
        .where(
            TRACKERS.expected_at < today,
            TRACKERS.expected_at >= today - _NOTIFIED_WITHIN,
            TRACKERS.status != "delivered",
            TRACKERS.late_notified_at.is_(None),
            ORDERS.status == OrderStatus.SHIPPED,
        )
        .order_by(TRACKERS.order_id, TRACKERS.id)
        .limit(_MOST_AT_ONCE)
    )
    notified = 0
    for order_id, tracker_id in late.all():
        order = await lock_order(db, order_id, visible_to=_WATCH)
        tracker = await db.get_one(Tracker, tracker_id, populate_existing=True)
        if order.status == OrderStatus.SHIPPED and tracker.status != "delivered" and tracker.late_notified_at is None:
            await _notify(db, order, tracker, company_name)
            notified += 1
    return notified


async def _notify(db: AsyncSession, order: Order, tracker: Tracker, company_name: str) -> None:
    tracker.late_notified_at = now()
    expected = (tracker.expected_at or now()).astimezone(UTC)
    day = f"{expected:%b} {expected.day}"
    add_attention(order, f"Parcel {tracker.tracking_number} is late: {tracker.carrier} named {day}.")
    if not order.delivery_phone:
        return
    link = tracker.public_url or public_page(tracker.carrier, tracker.tracking_number)
    words = (
        f"{company_name}: your order {order.order_number} was to arrive on {day} and is late. "
        f"We are following it up with {tracker.carrier or 'the carrier'}."
    )
    await queue_text(
        db,
        kind=LATE_TEXT,
        to=order.delivery_phone,
        text=f"{words} {link}" if link else words,
        order_id=order.id,
        customer_id=order.customer_id,
        dedupe_key=f"{LATE_TEXT}:{order.id}",
    )


def begin_carriers_day(day: date) -> datetime:
    """Return a day as carriers report it: midnight in UTC."""
    return datetime.combine(day, time(), UTC)
