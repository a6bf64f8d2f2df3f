"""Reads of orders: lists, their lines, counts and single orders, limited to what the reader may see.

For packers all amounts are None, so that no door can forget to hide them. The number of statements does not grow with
the number of rows.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.own_orders import may_be_seen_by
from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.kernel.clock import business_day_bounds
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.neighbours import Neighbours, find_neighbours
from domain.kernel.paging import Page, make_page
from domain.orders.days import count_kept, find_day_of_row, is_kept_by_day
from domain.orders.filters import (
    ITEMS,
    ORDERS,
    OrderFilters,
    OrderSort,
    ask_if_sku,
    conditions_of,
)
from domain.orders.tab_counts import MOST_COUNTED, TabCount, count_by_tab
from models import Order, OrderEvent, OrderEventKind, Staff, columns_of, table_of

Reader = AsyncSession | AsyncConnection

# The limit is higher with dates, because the rows of a reported figure must add up to it.
MOST_COUNTED_BETWEEN_DATES = 200_000
# A page after this many rows is found by its day.
DEEP = 2_000

STAFF = columns_of(Staff)
EVENTS = columns_of(OrderEvent)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order without its lines. Amounts are in US dollars; None for readers who may not see money."""

    id: int
    order_number: str
    customer_id: int | None
    source: str
    status: str
    on_hold: bool
    hold_reason: str
    on_terms: bool
    attention: str
    sales_rep_id: int | None
    rep_name: str | None
    assigned_to: str
    delivery_name: str
    delivery_first_name: str
    delivery_last_name: str
    delivery_company: str
    delivery_email: str | None
    delivery_phone: str | None
    delivery_phone_raw: str
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str
    delivery_country: str
    billing_address: str
    po_number: str
    special_notes: str
    staff_notes: str
    item_count: int
    unit_count: int
    subtotal: Decimal | None
    discount_amount: Decimal | None
    delivery_fee: Decimal | None
    total_amount: Decimal | None
    amount_paid: Decimal | None
    allowances: Decimal | None
    balance: Decimal | None
    refund_due: Decimal | None
    payment_method: str
    payment_status: str
    tracking_number: str | None
    carrier: str | None
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime | None
    packed_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    version: int

    @property
    def user_id(self) -> int | None:
        """The customer's id, under the name that the contract uses."""
        return self.customer_id

    @property
    def customer_name(self) -> str:
        """The name shown in lists: the company, or else the person."""
        return self.delivery_company or self.delivery_name


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One line as it was sold. Prices are None for readers who may not see money."""

    id: int
    order_id: int
    position: int
    product_id: int | None
    product_name: str
    product_sku: str
    product_brand: str
    product_unit_size: str
    quantity: int
    unit_price: Decimal | None
    is_bulk_price: bool
    line_total: Decimal | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One entry of an order's timeline."""

    id: int
    kind: str
    from_status: str | None
    to_status: str | None
    note: str
    changes: dict[str, Any] | None
    actor_kind: str
    actor_id: int | None
    actor_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """The number of orders of a list and the sum of their totals. `is_more` is true if counting stopped early."""

    count: int
    amount: Decimal | None
    is_more: bool


@dataclass(frozen=True, slots=True)
class OrderListing:
    """A list with its totals and the counts of all tabs."""

    page: Page[OrderRow]
    totals: OrderTotals
    tabs: dict[str, TabCount]


# What packers may see of a timeline: events of these kinds, and of their changes only these fields.
_KINDS_WITHOUT_MONEY = frozenset(
    {
        OrderEventKind.PLACED,
        OrderEventKind.MOVED,
        OrderEventKind.ADDRESS,
        OrderEventKind.NOTE,
        OrderEventKind.ITEMS,
        OrderEventKind.ASSIGNED,
        OrderEventKind.RELEASED,
        OrderEventKind.PICKED,
        OrderEventKind.SET_ASIDE,
        OrderEventKind.TAKEN_UP,
        OrderEventKind.PACKED_SHORT,
        OrderEventKind.PACK_OVERRIDDEN,
        OrderEventKind.LABEL_BOUGHT,
        OrderEventKind.LABEL_VOIDED,
        OrderEventKind.LABEL_DELETED,
    }
)
_FIELDS_WITHOUT_MONEY = ("delivery_", "tracking_number", "carrier", "staff_notes", "assigned_to")
_MONEY = (
    "subtotal", "discount_amount", "delivery_fee", "total_amount", "amount_paid", "allowances", "balance",
    "refund_due",
)  # fmt: skip
ROW_NAMES = [field.name for field in fields(OrderRow)]
_ROW_COLUMNS = [
    STAFF.full_name.label("rep_name") if field.name == "rep_name" else ORDERS[field.name] for field in fields(OrderRow)
]
ORDERS_WITH_REPS = table_of(Order).outerjoin(table_of(Staff), STAFF.id == ORDERS.sales_rep_id)
_SELECT_ROWS = select(*_ROW_COLUMNS).select_from(ORDERS_WITH_REPS)
_SELECT_ITEMS = select(*(ITEMS[field.name] for field in fields(ItemRow)))
_SELECT_EVENTS = select(*(EVENTS[field.name] for field in fields(EventRow)))
_NEWEST = (ORDERS.created_at.desc(), ORDERS.id.desc())
_OLDEST = (ORDERS.created_at.asc(), ORDERS.id.asc())


async def list_orders(
    db: Reader, filters: OrderFilters, *, visible_to: Actor, timezone: tzinfo, after: int | None = None
) -> Page[OrderRow]:
    """Return a page of the orders that the actor may see, newest first by default. The total is exact.

    With `after`, the page begins after that order; the total is still that of the whole list. Raises InvalidInput if
    the actor may not see that order.
    """
    conditions = await find_conditions(db, filters, visible_to=visible_to, timezone=timezone)
    behind = [] if after is None else [await _find_place_behind(db, filters, after, visible_to)]
    if after is None:
        rows = await _list_page(db, filters, conditions, visible_to=visible_to, timezone=timezone)
    else:
        rows = await list_rows(db, filters, [*conditions, *behind], visible_to=visible_to)
    if is_kept_by_day(filters, visible_to):
        total, _ = await count_kept(db, filters, visible_to=visible_to, timezone=timezone)
    else:
        total = await db.scalar(select(func.count()).select_from(ORDERS_WITH_REPS.left).where(*conditions)) or 0
    return make_page(rows, total, filters)


async def _find_place_behind(
    db: Reader, filters: OrderFilters, order_id: int, visible_to: Actor
) -> ColumnElement[bool]:
    """Return the condition for orders after this one in the list's order."""
    own = may_be_seen_by(visible_to)
    seen = [ORDERS.id == order_id] if own is None else [ORDERS.id == order_id, own]
    placed_at = await db.scalar(select(ORDERS.created_at).where(*seen))
    if placed_at is None:
        raise InvalidInput("The order in `after` was not found.", fields={"after": "must be the id of a listed order"})
    place, here = tuple_(ORDERS.created_at, ORDERS.id), tuple_(literal(placed_at), literal(order_id))
    return place < here if filters.sort is OrderSort.NEWEST else place > here


async def list_for_page(db: Reader, filters: OrderFilters, *, visible_to: Actor, timezone: tzinfo) -> OrderListing:
    """Return the page with totals of bounded cost and the counts of the tabs, in at most four statements."""
    conditions = await find_conditions(db, filters, visible_to=visible_to, timezone=timezone)
    if filters.from_date is not None and is_kept_by_day(filters, visible_to):
        count, amount = await count_kept(db, filters, visible_to=visible_to, timezone=timezone)
        totals = OrderTotals(count, amount if sees_money(visible_to) else None, is_more=False)
    else:
        most = MOST_COUNTED_BETWEEN_DATES if filters.from_date is not None else MOST_COUNTED
        totals = await sum_orders(db, conditions, visible_to=visible_to, most=most)
    rows = await _list_page(db, filters, conditions, visible_to=visible_to, timezone=timezone)
    tabs = await count_by_tab(db, visible_to=visible_to)
    return OrderListing(make_page(rows, totals.count, filters), totals, tabs)


async def find_conditions(
    db: Reader, filters: OrderFilters, *, visible_to: Actor, timezone: tzinfo
) -> list[ColumnElement[bool]]:
    """Return the conditions of a list; first checks whether the search text is a SKU that was ever sold."""
    text = (filters.search or "").strip()
    is_sku = bool(text) and " " not in text and bool(await db.scalar(ask_if_sku(text)))
    return conditions_of(filters, visible_to=visible_to, timezone=timezone, is_sku=is_sku)


async def _list_page(
    db: Reader,
    filters: OrderFilters,
    conditions: list[ColumnElement[bool]],
    *,
    visible_to: Actor,
    timezone: tzinfo,
) -> list[OrderRow]:
    """Return a page of rows. For a deep page, the stored days say where it begins, so newer days are not read."""
    if filters.offset < DEEP or not is_kept_by_day(filters, visible_to):
        return await list_rows(db, filters, conditions, visible_to=visible_to)
    found = await find_day_of_row(db, filters, visible_to=visible_to, timezone=timezone)
    if found is None:
        return []
    day, before = found
    begins, ends = business_day_bounds(day, timezone)
    rest = ORDERS.created_at < ends if filters.sort is OrderSort.NEWEST else ORDERS.created_at >= begins
    return await list_rows(db, filters, [*conditions, rest], visible_to=visible_to, passed=before)


async def list_rows(
    db: Reader,
    filters: OrderFilters,
    conditions: Sequence[ColumnElement[bool]],
    *,
    visible_to: Actor,
    passed: int = 0,
) -> list[OrderRow]:
    """Return one page of rows; the conditions already exclude `passed` rows before it.

    However deep the page is, only its own rows are read completely.
    """
    order = _NEWEST if filters.sort is OrderSort.NEWEST else _OLDEST
    statement = _SELECT_ROWS
    if filters.page == 1:
        statement = statement.where(*conditions)
    else:
        # The skipped rows are read only in the index.
        ids = select(ORDERS.id).where(*conditions).order_by(*order).limit(filters.per_page)
        ids = ids.offset(filters.offset - passed)
        statement = statement.where(ORDERS.id.in_(ids.subquery().select()))
    return await _read_rows(db, statement.order_by(*order).limit(filters.per_page), visible_to)


async def find_order_neighbours(
    db: Reader, order: OrderRow, filters: OrderFilters, *, visible_to: Actor, timezone: tzinfo
) -> Neighbours:
    """Return the orders before and after one in the list with these filters, among those the actor may see."""
    return await find_neighbours(
        db,
        name=ORDERS.order_number,
        order=(ORDERS.created_at, ORDERS.id),
        here=(order.created_at, order.id),
        conditions=await find_conditions(db, filters, visible_to=visible_to, timezone=timezone),
        falling=filters.sort is OrderSort.NEWEST,
    )


async def sum_orders(
    db: Reader, conditions: Sequence[ColumnElement[bool]], *, visible_to: Actor, most: int = MOST_COUNTED
) -> OrderTotals:
    """Count and sum the orders that match the conditions, reading at most `most` of them."""
    counted = select(ORDERS.total_amount).where(*conditions).limit(most + 1).subquery()
    row = (await db.execute(select(func.count(), func.coalesce(func.sum(counted.c.total_amount), literal(0))))).one()
    is_more = row[0] > most
    amount = None if is_more or not sees_money(visible_to) else Decimal(row[1])
    return OrderTotals(min(row[0], most), amount, is_more)


async def list_items(db: Reader, order_ids: Sequence[int], *, visible_to: Actor) -> dict[int, list[ItemRow]]:
    """Return the lines of several orders by order id, each in its own sequence, in one statement."""
    found: dict[int, list[ItemRow]] = defaultdict(list)
    if not order_ids:
        return found
    statement = _SELECT_ITEMS.where(ITEMS.order_id.in_(order_ids)).order_by(ITEMS.order_id, ITEMS.position)
    shows_money = sees_money(visible_to)
    for row in await db.execute(statement):
        item = ItemRow(*row)
        found[item.order_id].append(item if shows_money else replace(item, unit_price=None, line_total=None))
    return found


async def get_order(db: Reader, order: int | str, *, visible_to: Actor) -> OrderRow:
    """Return one order by its id or number. Raises NotFound if the actor may not see it."""
    which = ORDERS.id == order if isinstance(order, int) else ORDERS.order_number == order.strip().upper()
    own = may_be_seen_by(visible_to)
    statement = _SELECT_ROWS.where(which if own is None else and_(which, own))
    rows = await _read_rows(db, statement, visible_to)
    if not rows:
        raise NotFound("There is no such order.")
    return rows[0]


async def list_chosen_orders(db: Reader, order_numbers: Sequence[str], *, visible_to: Actor) -> list[OrderRow]:
    """Return the orders with these numbers that the actor may see, oldest first."""
    which = ORDERS.order_number.in_([number.strip().upper() for number in order_numbers])
    own = may_be_seen_by(visible_to)
    statement = _SELECT_ROWS.where(which if own is None else and_(which, own)).order_by(*_OLDEST)
    return await _read_rows(db, statement, visible_to)


async def list_events(db: Reader, order_id: int, *, visible_to: Actor) -> list[EventRow]:
    """Return the timeline of an order, newest first, without amounts for readers who may not see money."""
    statement = _SELECT_EVENTS.where(EVENTS.order_id == order_id).order_by(EVENTS.id.desc())
    events = [EventRow(*row) for row in await db.execute(statement)]
    if sees_money(visible_to):
        return events
    return [_without_money(event) for event in events if event.kind in _KINDS_WITHOUT_MONEY]


def sees_money(actor: Actor) -> bool:
    """Return True unless the actor is staff whose role may not see prices."""
    return not actor.is_staff or may(actor, Right.SEE_MONEY)


async def _read_rows(db: Reader, statement: Select[Any], visible_to: Actor) -> list[OrderRow]:
    rows = [OrderRow(*row) for row in await db.execute(statement)]
    if sees_money(visible_to):
        return rows
    blank: dict[str, Any] = dict.fromkeys(_MONEY)
    return [
        replace(
            row,
            **blank,
            hold_reason="The office is handling it." if row.on_hold else "",
            attention="The office is handling it." if row.attention else "",
        )
        for row in rows
    ]


def _without_money(event: EventRow) -> EventRow:
    """Return the entry with only the fields that packers need; the reason of a release may name amounts."""
    kept = {name: change for name, change in (event.changes or {}).items() if name.startswith(_FIELDS_WITHOUT_MONEY)}
    return replace(event, changes=kept, note="" if event.kind == OrderEventKind.RELEASED else event.note)
