"""The next order to work on, who is working on which order, and setting aside one that can't be finished now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ARRAY, BigInteger, DateTime, any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.live import Topic, announce
from domain.orders.filters import IS_ACTIVE, ORDERS
from domain.orders.queries import Reader
from domain.orders.record import record_event
from domain.warehouse.queue import QueueRow, get_queue_row
from domain.warehouse.record import lock_numbered
from models import Order, OrderEventKind, OrderStatus, PackerVisit, columns_of

VISITS = columns_of(PackerVisit)
# A colleague not seen for this long is working on something else.
HERE_FOR = timedelta(minutes=5)

_HERE_SINCE = bindparam("here_since", type_=DateTime(timezone=True))
_TAKEN = select(VISITS.order_id).where(
    VISITS.staff_id.is_distinct_from(bindparam("me", type_=BigInteger)), VISITS.seen_at > _HERE_SINCE
)
_NEXT = (
    select(ORDERS.id)
    .where(
        IS_ACTIVE,
        ORDERS.status != OrderStatus.PACKED,
        ORDERS.set_aside_at.is_(None),
        ORDERS.id.not_in(_TAKEN),
        ORDERS.id != bindparam("after"),
    )
    .order_by(ORDERS.created_at, ORDERS.id)
    .limit(1)
)
_VISITORS = (
    select(VISITS.order_id, VISITS.staff_id, VISITS.name)
    .where(VISITS.order_id == any_(bindparam("ids", type_=ARRAY(BigInteger))), VISITS.seen_at > _HERE_SINCE)
    .order_by(VISITS.seen_at.desc(), VISITS.staff_id)
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A colleague at an order's packing screen."""

    order_id: int
    staff_id: int
    name: str


async def find_next_order(db: Reader, *, by: Actor, after: int | None = None) -> QueueRow | None:
    """Return the oldest order to pick and pack that nobody works on and nobody set aside; None if there is none."""
    found = await db.scalar(_NEXT, {"me": by.id, "here_since": now() - HERE_FOR, "after": after or 0})
    return None if found is None else await get_queue_row(db, found, visible_to=by)


async def visit_order(db: AsyncSession, order_id: int, *, by: Actor) -> list[Visitor]:
    """Record that a colleague is working on an order, and on no other. Returns who else is."""
    others = await list_visitors(db, [order_id])
    if by.id is None:
        return others
    if not any(visitor.staff_id == by.id for visitor in others):
        left = delete(PackerVisit).where(PackerVisit.staff_id == by.id, PackerVisit.order_id != order_id)
        await db.execute(left)
        await announce(db, Topic.ORDERS, order_id)
    statement = insert(PackerVisit).values(order_id=order_id, staff_id=by.id, name=by.name, seen_at=now())
    await db.execute(
        statement.on_conflict_do_update(index_elements=["order_id", "staff_id"], set_={"seen_at": func.now()})
    )
    return [visitor for visitor in others if visitor.staff_id != by.id]


async def leave_orders(db: AsyncSession, *, by: Actor) -> None:
    """Record that a colleague is no longer working on any order."""
    await db.execute(delete(PackerVisit).where(PackerVisit.staff_id == by.id))


async def list_visitors(db: Reader, order_ids: Sequence[int]) -> list[Visitor]:
    """Return who is working on these orders now."""
    if not order_ids:
        return []
    rows = await db.execute(_VISITORS, {"ids": list(order_ids), "here_since": now() - HERE_FOR})
    return [Visitor(*row) for row in rows]


async def set_aside(db: AsyncSession, order_number: str, *, by: Actor) -> Order:
    """Leave an order for later because something is missing; the next scan for it resumes it.

    Raises Refused once it is packed.
    """
    order = await lock_numbered(db, order_number, by=by)
    if order.status not in {OrderStatus.PENDING, OrderStatus.CONFIRMED}:
        raise Refused(f"The order is {order.status}; it can't be set aside.", code=Code.STATE_NOT_ALLOWED)
    if order.set_aside_at is None:
        order.set_aside_at = now()
        await record_event(db, order, OrderEventKind.SET_ASIDE, by=by)
    return order
