"""The warehouse's queue: orders to ship, oldest first, and the day's counts, without any amounts of money.

`active` are the orders that can be worked on: pending and not on hold, confirmed, packed. A partial index serves it
even with a million orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, and_, func, or_, select

from domain.access.own_orders import may_be_seen_by
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, now, start_of_business_day
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.orders.business import current_business
from domain.orders.days import count_kept
from domain.orders.filters import IS_ACTIVE, ITEMS, ORDERS, OrderFilters, search_condition
from domain.orders.queries import ItemRow, Reader, list_items
from models import OrderStatus

IN_THE_LAST = timedelta(days=7)


class QueueStatus(StrEnum):
    """The statuses by which the queue can be filtered."""

    ACTIVE = "active"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    ALL = "all"


class WarehouseSort(StrEnum):
    """The columns by which the queue can be sorted."""

    CREATED_AT = "created_at"
    ORDER_NUMBER = "order_number"
    STATUS = "status"
    DELIVERY_NAME = "delivery_name"
    ITEM_COUNT = "item_count"


class WarehouseDirection(StrEnum):
    """Ascending or descending."""

    RISING = "asc"
    FALLING = "desc"


class ListQueue(PageInput):
    """The filters of the queue."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 200
    """Orders per page, at most 200."""
    status: QueueStatus = QueueStatus.ACTIVE
    """`active` is pending and not on hold, confirmed, and packed."""
    q: Text200 = ""
    """Order number, name, company, email, phone or SKU."""
    sort: WarehouseSort = WarehouseSort.CREATED_AT
    """The column to sort by."""
    dir: WarehouseDirection = WarehouseDirection.RISING
    """Ascending or descending."""


# Not frozen: a page creates hundreds of these, and frozen ones take five times as long to create.
@dataclass(slots=True)
class QueueRow:
    """One order as the warehouse needs it, with the contract's names."""

    id: int
    order_number: str
    status: str
    on_hold: bool
    created_at: datetime
    delivery_name: str
    delivery_company: str
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str
    delivery_country: str
    delivery_phone: str | None
    delivery_email: str | None
    special_notes: str
    staff_notes: str
    item_count: int
    unit_count: int
    tracking_number: str | None
    carrier: str | None
    picked_at: datetime | None
    set_aside_at: datetime | None
    packed_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    version: int

    @property
    def customer_name(self) -> str:
        """The name shown in lists: the company, or else the person."""
        return self.delivery_company or self.delivery_name


@dataclass(frozen=True, slots=True)
class QueuedOrder:
    """An order of the queue with its lines, without prices."""

    order: QueueRow
    items: Sequence[ItemRow]

    def as_answer(self) -> dict[str, Any]:
        """Return the order and its lines with the contract's names."""
        return {name: getattr(self.order, name) for name in ROW_NAMES} | {"items": self.items}


@dataclass(frozen=True, slots=True)
class WarehouseStats:
    """The numbers of orders shipped today, in transit, and delivered in the last seven days."""

    shipped_today: int
    in_transit: int
    delivered_7d: int


ROW_NAMES = [field.name for field in fields(QueueRow)]
_SELECT = select(*(ORDERS[name] for name in ROW_NAMES))


async def list_queue(db: Reader, query: ListQueue, *, visible_to: Actor) -> Page[QueuedOrder]:
    """Return a page of the queue with the lines of its orders. The number of statements does not grow with the rows."""
    conditions = conditions_of(query, visible_to=visible_to)
    column: ColumnElement[Any] = ORDERS[query.sort.value]
    is_rising = query.dir is WarehouseDirection.RISING
    order = (column.asc(), ORDERS.id.asc()) if is_rising else (column.desc(), ORDERS.id.desc())
    statement = _SELECT.where(*conditions).order_by(*order).limit(query.per_page).offset(query.offset)
    rows = [QueueRow(*row) for row in await db.execute(statement)]
    if query.q or query.status is QueueStatus.ACTIVE:
        total = await db.scalar(select(func.count()).select_from(ORDERS.id.table).where(*conditions)) or 0
    else:
        status = None if query.status is QueueStatus.ALL else OrderStatus(query.status)
        zone = current_business().timezone
        total, _ = await count_kept(db, OrderFilters(status=status), visible_to=visible_to, timezone=zone)
    items = await list_items(db, [row.id for row in rows], visible_to=visible_to)
    return make_page([QueuedOrder(row, items.get(row.id, [])) for row in rows], total, query)


def conditions_of(query: ListQueue, *, visible_to: Actor) -> list[ColumnElement[bool]]:
    """Return the conditions of the queue. The search text also matches the exact SKU of a line."""
    own = may_be_seen_by(visible_to)
    found = [] if own is None else [own]
    if query.status is QueueStatus.ACTIVE:
        found.append(IS_ACTIVE)
    elif query.status is not QueueStatus.ALL:
        found.append(ORDERS.status == query.status.value)
    if query.q:
        holds = select(ITEMS.order_id).where(func.lower(ITEMS.product_sku) == query.q.strip().lower())
        found.append(or_(search_condition(query.q), ORDERS.id.in_(holds)))
    return found


async def get_queued_order(db: Reader, order_number: str, *, visible_to: Actor) -> QueuedOrder:
    """Return one order by its number. Raises NotFound if the actor may not see it."""
    row = await get_queue_row(db, order_number, visible_to=visible_to)
    items = await list_items(db, [row.id], visible_to=visible_to)
    return QueuedOrder(row, items.get(row.id, []))


async def get_queue_row(db: Reader, order: str | int, *, visible_to: Actor) -> QueueRow:
    """Like `get_queued_order` without its lines, by number or id. Raises NotFound."""
    own = may_be_seen_by(visible_to)
    which = ORDERS.id == order if isinstance(order, int) else ORDERS.order_number == order.strip().upper()
    row = (await db.execute(_SELECT.where(which if own is None else and_(which, own)))).first()
    if row is None:
        raise NotFound("There is no such order.")
    return QueueRow(*row)


async def count_stats(db: Reader, *, visible_to: Actor, timezone: tzinfo) -> WarehouseStats:
    """Count the orders shipped since midnight, in transit, and delivered in seven days; for a rep only their own."""
    own = may_be_seen_by(visible_to)
    mine = [] if own is None else [own]
    today = start_of_business_day(business_today(timezone), timezone)
    chosen = {
        "shipped_today": [ORDERS.shipped_at >= today, ORDERS.status != OrderStatus.CANCELLED],
        "in_transit": [ORDERS.status == OrderStatus.SHIPPED],
        "delivered_7d": [ORDERS.delivered_at >= now() - IN_THE_LAST, ORDERS.status == OrderStatus.DELIVERED],
    }
    counts = [
        select(func.count()).select_from(ORDERS.id.table).where(*conditions, *mine).scalar_subquery().label(name)
        for name, conditions in chosen.items()
    ]
    return WarehouseStats(*(await db.execute(select(*counts))).one())
