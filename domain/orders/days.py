"""Orders by business day, from the stored sums and the changes since: always exact, at a cost that does not grow.

The days are stored for one time zone. For another one, the orders themselves are summed up until the next fold has
recalculated the days.
"""

from datetime import date, tzinfo
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Subquery, cast, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.own_orders import owner_of_seen
from domain.kernel.actor import Actor
from domain.kernel.folds import wait_for_turn
from domain.kernel.money import ZERO
from domain.orders.filters import ORDERS, OrderFilters, OrderSort
from models import OrderDay, OrderDayChange, OrderStatus, columns_of
from models.session import raw_connection

FOLD_JOB = "fold_order_days"
DAYS = columns_of(OrderDay)
CHANGES = columns_of(OrderDayChange)
# The filters that the stored days support; a list with any other filter counts its rows.
_KNOWN_FILTERS = {"status", "cancelled", "rep_id", "from_date", "to_date", "when", "page", "per_page", "sort"}

_IS_CUT_OTHERWISE = "SELECT EXISTS (SELECT FROM order_day WHERE zone <> $1)"
# A single snapshot deletes the changes and adds them up, so that later changes remain.
_FOLD = """
WITH noted AS (DELETE FROM order_day_change RETURNING created_at, sales_rep_id, status, orders, amount)
INSERT INTO order_day AS kept (zone, day, sales_rep_id, status, orders, amount)
SELECT $1::text, (created_at AT TIME ZONE $1::text)::date AS day, sales_rep_id, status, sum(orders), sum(amount)
FROM noted GROUP BY day, sales_rep_id, status ORDER BY day, sales_rep_id, status
ON CONFLICT (zone, day, sales_rep_id, status)
DO UPDATE SET orders = kept.orders + excluded.orders, amount = kept.amount + excluded.amount
"""
_CUT_AGAIN = """
WITH noted AS (DELETE FROM order_day_change), kept AS (DELETE FROM order_day)
INSERT INTO order_day (zone, day, sales_rep_id, status, orders, amount)
SELECT $1::text, (created_at AT TIME ZONE $1::text)::date AS day, coalesce(sales_rep_id, 0), status, count(*),
  sum(total_amount)
FROM orders GROUP BY day, coalesce(sales_rep_id, 0), status
"""


@cache
def select_days(timezone: tzinfo) -> Subquery:
    """Select the orders of each day, rep and status: `day`, `sales_rep_id` (0: none), `status`, `orders` and `amount`.

    A day may have several rows, some of them negative, which must be summed up.
    """
    zone = str(timezone)
    # The first and the last zone are looked up in the primary key; EXISTS of another one would read all rows. As a row
    # that is joined, the answer keeps PostgreSQL from starting parallel workers for orders that are hardly ever read.
    edges = (select(func.coalesce(edge(DAYS.zone), zone)).scalar_subquery() for edge in (func.min, func.max))
    cut = select(or_(*(edge != zone for edge in edges)).label("otherwise")).cte("cut").prefix_with("MATERIALIZED")
    return union_all(
        select(DAYS.day, DAYS.sales_rep_id, DAYS.status, DAYS.orders, DAYS.amount)
        .join(cut, ~cut.c.otherwise)
        .where(DAYS.zone == zone),
        select(
            _day_of(CHANGES.created_at, zone), CHANGES.sales_rep_id, CHANGES.status, CHANGES.orders, CHANGES.amount
        ).join(cut, ~cut.c.otherwise),
        select(
            _day_of(ORDERS.created_at, zone),
            func.coalesce(ORDERS.sales_rep_id, 0),
            ORDERS.status,
            literal(1),
            ORDERS.total_amount,
        ).join(cut, cut.c.otherwise),
    ).subquery("days")


def days_seen_by(days: Subquery, actor: Actor) -> list[ColumnElement[bool]]:
    """Return the condition that limits a rep to their own orders' days. Not for customers, who read their orders."""
    owner = owner_of_seen(actor)
    assert owner != "customer_id"
    return [] if owner is None else [days.c.sales_rep_id == actor.id]


def is_kept_by_day(filters: OrderFilters, actor: Actor) -> bool:
    """Return True if the stored days support all of these filters."""
    asked = {name for name, value in filters if value not in (None, "")}
    return not actor.is_customer and asked <= _KNOWN_FILTERS


async def count_kept(
    db: AsyncSession | AsyncConnection, filters: OrderFilters, *, visible_to: Actor, timezone: tzinfo
) -> tuple[int, Decimal]:
    """Return the number of orders of a list, and the sum of their totals, for filters that the stored days support."""
    days = select_days(timezone)
    conditions = _conditions_of(days, filters, visible_to)
    row = (await db.execute(select(func.sum(days.c.orders), func.sum(days.c.amount)).where(*conditions))).one()
    return int(row[0] or 0), row[1] or ZERO


async def find_day_of_row(
    db: AsyncSession | AsyncConnection, filters: OrderFilters, *, visible_to: Actor, timezone: tzinfo
) -> tuple[date, int] | None:
    """Return the day on which a page of such a list begins, and the orders before that day; None past the end."""
    days = select_days(timezone)
    per_day = (
        select(days.c.day, func.sum(days.c.orders).label("orders"))
        .where(*_conditions_of(days, filters, visible_to))
        .group_by(days.c.day)
        .subquery()
    )
    place = per_day.c.day.desc() if filters.sort is OrderSort.NEWEST else per_day.c.day
    through = func.sum(per_day.c.orders).over(order_by=place).label("through")
    run = select(per_day.c.day, (through - per_day.c.orders).label("before"), through).subquery()
    statement = select(run.c.day, run.c.before).where(run.c.through > filters.offset).order_by(run.c.before).limit(1)
    row = (await db.execute(statement)).first()
    return None if row is None else (row.day, int(row.before))


def _conditions_of(days: Subquery, filters: OrderFilters, visible_to: Actor) -> list[ColumnElement[bool]]:
    conditions = days_seen_by(days, visible_to) + _between(days, filters.from_date, filters.to_date)
    if filters.status is not None:
        conditions.append(days.c.status == filters.status)
    if filters.cancelled is not None:
        is_cancelled = days.c.status == OrderStatus.CANCELLED
        conditions.append(is_cancelled if filters.cancelled else ~is_cancelled)
    if filters.rep_id is not None:
        conditions.append(days.c.sales_rep_id == filters.rep_id)
    return conditions


def _between(days: Subquery, first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    found = [] if first is None else [days.c.day >= first]
    return found if last is None else [*found, days.c.day <= last]


def _day_of(moment: ColumnElement[object], zone: str) -> ColumnElement[date]:
    return cast(func.timezone(zone, moment), Date).label("day")


async def fold_days(db: AsyncSession, *, timezone: ZoneInfo) -> None:
    """Fold the changes into the days. If the business time zone changed, recalculate all days."""
    connection = await raw_connection(db)
    await wait_for_turn(connection, "order_day")
    is_cut_otherwise = await connection.fetchval(_IS_CUT_OTHERWISE, timezone.key)
    await connection.execute(_CUT_AGAIN if is_cut_otherwise else _FOLD, timezone.key)
