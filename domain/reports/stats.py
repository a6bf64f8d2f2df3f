"""Order counts by state, revenue and what needs attention, for a range of business days."""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import business_range_bounds, business_today
from domain.kernel.inputs import Input
from domain.kernel.money import ZERO
from domain.orders.filters import ORDERS, may_be_seen_by, needs_attention
from domain.orders.queries import Reader, sees_money
from domain.reports.home import HomeRange, choose_period
from models import OrderStatus


class StatsQuery(Input):
    """The range asked for."""

    range: HomeRange = HomeRange.ALL
    """7d and 30d are days up to today, month is the running one, all the whole history."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of the orders of a range; `needs_attention` is the work list's count, whatever the range."""

    total_orders: int
    pending: int
    confirmed: int
    packed: int
    shipped: int
    delivered: int
    cancelled: int
    total_revenue: Decimal | None
    needs_attention: int


async def get_stats(db: Reader, query: StatsQuery, *, visible_to: Actor, timezone: tzinfo) -> Stats:
    """The figures as the actor may see them: a rep's own orders, and no revenue for the warehouse."""
    require(visible_to, Right.SEE_STATS, "Your role does not see the figures.")
    own = may_be_seen_by(visible_to)
    mine: list[ColumnElement[bool]] = [] if own is None else [own]
    conditions = list(mine)
    period = choose_period(query.range, business_today(timezone))
    if period.first is not None:
        start, end = business_range_bounds(period.first, period.last, timezone)
        conditions += [ORDERS.created_at >= start, ORDERS.created_at < end]
    by_status = (
        select(ORDERS.status, func.count().label("orders"), func.sum(ORDERS.total_amount).label("revenue"))
        .where(*conditions)
        .group_by(ORDERS.status)
    )
    found = {row.status: row for row in await db.execute(by_status)}
    waiting = await db.scalar(select(func.count()).where(needs_attention(), *mine))
    counts = {status.value: found[status].orders if status in found else 0 for status in OrderStatus}
    revenue = sum((row.revenue for status, row in found.items() if status != OrderStatus.CANCELLED), ZERO)
    return Stats(
        total_orders=sum(counts.values()),
        **counts,
        total_revenue=revenue if sees_money(visible_to) else None,
        needs_attention=waiting or 0,
    )
