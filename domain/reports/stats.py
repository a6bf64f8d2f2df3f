"""Order counts by status, revenue and what needs attention, for a range of business days."""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select

from domain.access.own_orders import may_be_seen_by
from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.inputs import Input
from domain.kernel.money import ZERO
from domain.orders.days import days_seen_by, select_days
from domain.orders.filters import needs_attention
from domain.orders.queries import Reader, sees_money
from domain.reports.home import HomeRange, choose_period
from models import OrderStatus


class StatsQuery(Input):
    """The requested range."""

    range: HomeRange = HomeRange.ALL
    """7d and 30d are days up to today, month is the current month, all is the whole history."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of the orders of a range. `needs_attention` is the work list's count, regardless of the range."""

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
    """Return the figures as the actor may see them: for a rep their own orders, and no revenue for the warehouse."""
    require(visible_to, Right.SEE_STATS, "Your role does not see the figures.")
    days = select_days(timezone)
    conditions = days_seen_by(days, visible_to)
    period = choose_period(query.range, business_today(timezone))
    if period.first is not None:
        conditions += [days.c.day >= period.first, days.c.day <= period.last]
    by_status = (
        select(days.c.status, func.sum(days.c.orders).label("orders"), func.sum(days.c.amount).label("revenue"))
        .where(*conditions)
        .group_by(days.c.status)
    )
    found = {row.status: row for row in await db.execute(by_status)}
    own = may_be_seen_by(visible_to)
    mine: list[ColumnElement[bool]] = [] if own is None else [own]
    waiting = await db.scalar(select(func.count()).where(needs_attention(), *mine))
    counts = {status.value: int(found[status].orders) if status in found else 0 for status in OrderStatus}
    revenue = sum((row.revenue for status, row in found.items() if status != OrderStatus.CANCELLED), ZERO)
    return Stats(
        total_orders=sum(counts.values()),
        **counts,
        total_revenue=revenue if sees_money(visible_to) else None,
        needs_attention=waiting or 0,
    )
