"""Past sales: the orders of a rep, or of all for managers, one by one or summed up by day, rep, customer or product.

Cancelled orders are not sales; they are listed only if that status is requested.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from sqlalchemy import ColumnElement, Date, Integer, Select, String, Subquery, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.copied_sheets import Rows, at_minute, copy_sheet, typed
from domain.kernel.errors import NotAllowed
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import DateIn, Id, Text200
from domain.kernel.money import ZERO, round_half_up
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.spreadsheets import Cell, stream_csv
from domain.orders.business import current_business
from domain.orders.days import days_seen_by, select_days
from domain.orders.filters import ITEMS, ORDERS, search_condition
from domain.orders.queries import Reader
from domain.sales.customers import rep_of
from models import Order, OrderItem, OrderStatus, Role, Staff, columns_of, table_of
from models.session import Database

MOST_GROUPS = 5_000
STAFF = columns_of(Staff)
ROW_COLUMNS = (
    "order_number", "created_at", "status", "payment_status", "customer_name", "company_name", "items",
    "total_amount", "commission_amount", "commission_paid",
)  # fmt: skip
# The same columns, as PostgreSQL expressions.
_ROW_CELLS: Select[Any] = select(
    typed(ORDERS.order_number),
    at_minute(ORDERS.created_at),
    ORDERS.status,
    ORDERS.payment_status,
    typed(ORDERS.delivery_name),
    typed(ORDERS.delivery_company),
    ORDERS.item_count,
    ORDERS.total_amount,
    ORDERS.commission_amount,
    case((ORDERS.commission_paid, "yes")),
)


class GroupBy(StrEnum):
    """The ways to group sales."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    REP = "rep"
    CUSTOMER = "customer"
    PRODUCT = "product"
    STATUS = "status"


FORMATS: list[Any] = ["", "json", "csv"]


def _check_format(value: str) -> str:
    if value not in FORMATS:
        raise bad_field("must be csv, or omitted")
    return value


class ListHistory(PageInput):
    """Which sales to list."""

    rep_id: Id | None = None
    """Only this rep's sales; for a rep, by default their own."""
    from_date: DateIn | None = None
    """The first business day."""
    to_date: DateIn | None = None
    """The last business day."""
    status: OrderStatus | None = None
    """Only this status; by default all except cancelled."""
    search: Text200 = ""
    """Order number, name, company, email or phone."""
    group_by: GroupBy | None = None
    """How to group; by default the orders themselves are listed."""
    format: Annotated[str, Field(json_schema_extra={"enum": FORMATS}), AfterValidator(_check_format)] = ""
    """csv returns a CSV file."""


@dataclass(frozen=True, slots=True)
class SaleRow:
    """One order of the history. Amounts are in US dollars."""

    id: int
    order_number: str
    created_at: datetime
    status: str
    payment_status: str
    customer_name: str
    company_name: str
    total_amount: Decimal
    item_count: int
    commission_amount: Decimal | None
    commission_paid: bool


@dataclass(frozen=True, slots=True)
class SalesSummary:
    """The number of orders, and the sum of their totals in US dollars."""

    total_orders: int
    total_revenue: Decimal

    @property
    def avg_order_value(self) -> Decimal:
        """The mean order total; 0 without orders."""
        return round_half_up(self.total_revenue / self.total_orders) if self.total_orders else ZERO


@dataclass(frozen=True, slots=True)
class SalesGroup:
    """The sales of one day, rep, customer, product or status."""

    key: str
    label: str
    orders: int
    revenue: Decimal


SALE_COLUMNS = (
    ORDERS.id,
    ORDERS.order_number,
    ORDERS.created_at,
    ORDERS.status,
    ORDERS.payment_status,
    ORDERS.delivery_name,
    ORDERS.delivery_company,
    ORDERS.total_amount,
    ORDERS.item_count,
    ORDERS.commission_amount,
    ORDERS.commission_paid,
)


async def list_history(db: Reader, query: ListHistory, *, visible_to: Actor) -> tuple[Page[SaleRow], SalesSummary]:
    """Return a page of sales, newest first, and the sums of all of them; two statements."""
    rows = await _list_rows(db, query, find_conditions(query, visible_to=visible_to))
    summary = await sum_sales(db, query, visible_to=visible_to)
    return make_page(rows, summary.total_orders, query), summary


async def sum_sales(db: Reader, query: ListHistory, *, visible_to: Actor) -> SalesSummary:
    """Return the number of orders of a history and their sum: from the stored days, or by row with a search."""
    conditions = find_conditions(query, visible_to=visible_to)
    if not query.search:
        days = select_days(current_business().timezone)
        kept = select(func.sum(days.c.orders), func.sum(days.c.amount))
        row = (await db.execute(kept.where(*_find_days(days, query, visible_to)))).one()
        return SalesSummary(int(row[0] or 0), row[1] or ZERO)
    statement = select(func.count(), func.coalesce(func.sum(ORDERS.total_amount), ZERO)).where(*conditions)
    return SalesSummary(*(await db.execute(statement.select_from(table_of(Order)))).one())


async def list_groups(db: Reader, query: ListHistory, *, visible_to: Actor) -> list[SalesGroup]:
    """Return the sales in groups; days, weeks and months newest first, others by revenue. Products sum their lines."""
    by = query.group_by or GroupBy.MONTH
    conditions = find_conditions(query, visible_to=visible_to)
    if by in _KEPT_GROUPS and not query.search:
        groups = _select_kept_groups(by, query, visible_to)
    else:
        groups = _select_groups(by, conditions)
    rows = await db.execute(groups.limit(MOST_GROUPS))
    return [SalesGroup(row.key or "", _label(by, row), row.orders, row.revenue) for row in rows]


def find_conditions(query: ListHistory, *, visible_to: Actor) -> list[ColumnElement[bool]]:
    """Return the conditions of a history. Raises NotAllowed for a rep who asks for a colleague's."""
    own = rep_of(visible_to)
    if own is not None and query.rep_id not in {None, own}:
        raise NotAllowed("Sales reps can read only their own sales.")
    rep_id = own if own is not None else query.rep_id
    zone = current_business().timezone
    found = [ORDERS.status == query.status if query.status else ORDERS.status != OrderStatus.CANCELLED]
    if rep_id is not None:
        found.append(ORDERS.sales_rep_id == rep_id)
    if query.from_date is not None:
        found.append(ORDERS.created_at >= start_of_business_day(query.from_date, zone))
    if query.to_date is not None:
        found.append(ORDERS.created_at < start_of_business_day(query.to_date + timedelta(days=1), zone))
    if query.search:
        found.append(search_condition(query.search))
    return found


def export_history(database: Database, query: ListHistory, *, visible_to: Actor) -> AsyncIterator[bytes]:
    """Return the sales, or their groups, as chunks of a CSV file."""
    find_conditions(query, visible_to=visible_to)
    if query.group_by is not None:
        return stream_csv(
            (query.group_by.value, "label", "orders", "revenue"), _group_cells(database, query, visible_to)
        )

    async def find_rows(_connection: AsyncConnection) -> Rows:
        conditions = find_conditions(query, visible_to=visible_to)
        return Rows(_ROW_CELLS, (ORDERS.created_at, ORDERS.id), conditions, falls=True)

    return copy_sheet(database, ROW_COLUMNS, find_rows, timezone=current_business().timezone)


async def _group_cells(database: Database, query: ListHistory, actor: Actor) -> AsyncIterator[list[Cell]]:
    async with database.reporting() as connection:
        groups = await list_groups(connection, query, visible_to=actor)
    for group in groups:
        yield [group.key, group.label, group.orders, group.revenue]


async def _list_rows(db: Reader, query: PageInput, conditions: Sequence[ColumnElement[bool]]) -> list[SaleRow]:
    newest = (ORDERS.created_at.desc(), ORDERS.id.desc())
    chosen = select(ORDERS.id).where(*conditions).order_by(*newest)
    on_page = ORDERS.id.in_(chosen.limit(query.per_page).offset(query.offset))
    statement = select(*SALE_COLUMNS).where(on_page).order_by(*newest)
    return [SaleRow(*row) for row in await db.execute(statement)]


# Supported by the stored days; customers and products are summed up from the orders themselves.
_KEPT_GROUPS = {GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH, GroupBy.REP, GroupBy.STATUS}


def _find_days(days: Subquery, query: ListHistory, actor: Actor) -> list[ColumnElement[bool]]:
    """Return the same conditions for the stored days, which do not support a search."""
    found = days_seen_by(days, actor)
    found.append(days.c.status == query.status if query.status else days.c.status != OrderStatus.CANCELLED)
    if query.rep_id is not None:
        found.append(days.c.sales_rep_id == query.rep_id)
    if query.from_date is not None:
        found.append(days.c.day >= query.from_date)
    if query.to_date is not None:
        found.append(days.c.day <= query.to_date)
    return found


def _select_kept_groups(by: GroupBy, query: ListHistory, actor: Actor) -> Select[Any]:
    days = select_days(current_business().timezone)
    source: Any = days
    name: ColumnElement[Any] = literal("")
    key = _name_day(by, days.c.day)
    if by is GroupBy.REP:
        source = days.outerjoin(table_of(Staff), STAFF.id == days.c.sales_rep_id)
        key = cast(func.nullif(days.c.sales_rep_id, 0), String)
        name = func.max(func.coalesce(func.nullif(STAFF.full_name, ""), STAFF.username))
    elif by is GroupBy.STATUS:
        key = days.c.status
    orders, revenue = func.sum(days.c.orders), func.sum(days.c.amount)
    grouped = select(
        key.label("key"), name.label("name"), cast(orders, Integer).label("orders"), revenue.label("revenue")
    )
    return (
        grouped.select_from(source)
        .where(*_find_days(days, query, actor))
        .group_by(key)
        .having(orders > 0)
        .order_by(*_order_groups(by, key, revenue))
    )


def _name_day(by: GroupBy, day: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the group of a day: the day itself, its week or its month."""
    if by is GroupBy.WEEK:
        return cast(cast(func.date_trunc("week", day), Date), String)
    return func.to_char(day, "YYYY-MM") if by is GroupBy.MONTH else cast(day, String)


def _order_groups(by: GroupBy, key: ColumnElement[Any], revenue: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    return (key.desc(),) if by in {GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH} else (revenue.desc(), key)


def _select_groups(by: GroupBy, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    zone = str(current_business().timezone)
    orders, items = table_of(Order), table_of(OrderItem)
    day = cast(func.timezone(zone, ORDERS.created_at), Date)
    source: Any = orders
    revenue: ColumnElement[Any] = func.sum(ORDERS.total_amount)
    name: ColumnElement[Any] = literal("")
    key: ColumnElement[Any]
    match by:
        case GroupBy.DAY | GroupBy.WEEK | GroupBy.MONTH:
            key = _name_day(by, day)
        case GroupBy.REP:
            source = orders.outerjoin(table_of(Staff), STAFF.id == ORDERS.sales_rep_id)
            key = cast(ORDERS.sales_rep_id, String)
            name = func.max(func.coalesce(func.nullif(STAFF.full_name, ""), STAFF.username))
        case GroupBy.CUSTOMER:
            key = cast(ORDERS.customer_id, String)
            name = func.max(case((ORDERS.delivery_company != "", ORDERS.delivery_company), else_=ORDERS.delivery_name))
        case GroupBy.PRODUCT:
            source = orders.join(items, ITEMS.order_id == ORDERS.id)
            key, name, revenue = ITEMS.product_sku, func.max(ITEMS.product_name), func.sum(ITEMS.line_total)
        case GroupBy.STATUS:
            key = ORDERS.status
    count = func.count(func.distinct(ORDERS.id)) if by is GroupBy.PRODUCT else func.count()
    grouped = select(
        key.label("key"), name.label("name"), count.label("orders"), func.coalesce(revenue, ZERO).label("revenue")
    )
    return grouped.select_from(source).where(*conditions).group_by(key).order_by(*_order_groups(by, key, revenue))


def _label(by: GroupBy, row: Any) -> str:
    """Return a group's name for people."""
    match by:
        case GroupBy.DAY | GroupBy.WEEK:
            day = f"{date.fromisoformat(row.key):%b %d, %Y}".replace(" 0", " ")
            return f"Week of {day}" if by is GroupBy.WEEK else day
        case GroupBy.MONTH:
            return f"{date.fromisoformat(row.key + '-01'):%B %Y}"
        case GroupBy.STATUS:
            return str(row.key).capitalize()
        case GroupBy.REP | GroupBy.CUSTOMER:
            nobody = "No rep" if by is GroupBy.REP else "Guests"
            return str(row.name or "") if row.key else nobody
        case GroupBy.PRODUCT:
            return str(row.name or row.key)


class MyOrders(PageInput):
    """The period of the actor's own orders."""

    days: Annotated[int, Field(ge=1, le=3660)] = 30
    """The period in days, including today."""
    per_page: Annotated[int, Field(ge=1, le=200)] = 200


@dataclass(frozen=True, slots=True)
class OwnSales:
    """A colleague's own orders, with the figures of a period and of all time."""

    id: int
    name: str
    role: Role
    period_days: int
    period: SalesSummary
    all_time: SalesSummary
    orders: Sequence[SaleRow]


async def list_my_orders(db: Reader, query: MyOrders, *, by: Actor) -> OwnSales:
    """Return the actor's own orders of the period, newest first. Cancelled ones are listed but not counted."""
    assert by.id is not None
    assert by.role is not None
    zone = current_business().timezone
    first = business_today(zone) - timedelta(days=query.days - 1)
    own = [ORDERS.sales_rep_id == by.id, ORDERS.created_at >= start_of_business_day(first, zone)]
    rows = await _list_rows(db, query, own)
    period = await sum_sales(db, ListHistory(rep_id=by.id, from_date=first), visible_to=by)
    all_time = await sum_sales(db, ListHistory(rep_id=by.id), visible_to=by)
    return OwnSales(by.id, by.name, by.role, query.days, period, all_time, rows)
