"""How the sales team does: orders, revenue, new customers, calls and commission of each rep, with a trend."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import text

from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, first_of_month, start_of_business_day
from domain.kernel.errors import NotAllowed, NotFound
from domain.kernel.inputs import Id, Input
from domain.kernel.money import ZERO, round_half_up
from domain.orders.business import current_business
from domain.orders.queries import Reader
from domain.sales.customers import rep_of

_REPS = text("""
SELECT s.id, coalesce(nullif(s.full_name, ''), s.username) AS name,
  coalesce(o.orders, 0) AS orders, coalesce(o.revenue, 0) AS revenue, coalesce(n.customers, 0) AS new_customers,
  (SELECT count(*) FROM outbound_call_log WHERE staff_id = s.id AND created_at >= :since)
    + (SELECT count(*) FROM calling_event
       WHERE kind = 'called' AND actor_kind = 'staff' AND actor_id = s.id AND created_at >= :since) AS calls,
  coalesce(o.earned, 0) AS earned, coalesce(o.paid, 0) AS paid
FROM staff AS s
LEFT JOIN LATERAL (
  SELECT count(*) AS orders, sum(total_amount) AS revenue, sum(commission_amount) AS earned,
    sum(commission_amount) FILTER (WHERE commission_paid) AS paid
  FROM orders WHERE sales_rep_id = s.id AND created_at >= :since AND status <> 'cancelled'
) AS o ON true
LEFT JOIN LATERAL (
  SELECT count(DISTINCT f.customer_id) AS customers FROM orders AS f
  WHERE f.sales_rep_id = s.id AND f.created_at >= :since AND f.status <> 'cancelled' AND f.customer_id IS NOT NULL
    AND NOT EXISTS (
      SELECT FROM orders AS b WHERE b.customer_id = f.customer_id AND b.status <> 'cancelled'
        AND (b.created_at, b.id) < (f.created_at, f.id)
    )
) AS n ON true
WHERE CASE WHEN CAST(:rep_id AS bigint) IS NULL THEN (s.role = 'sales_rep' AND s.is_active) OR o.orders > 0
  ELSE s.id = :rep_id END
ORDER BY o.revenue DESC NULLS LAST, name, s.id
""")
_TREND = text("""
SELECT sales_rep_id AS id, date_trunc(:period, created_at AT TIME ZONE :zone)::date AS first, count(*) AS orders,
  sum(total_amount) AS revenue
FROM orders
WHERE sales_rep_id IS NOT NULL AND created_at >= :since AND status <> 'cancelled'
  AND (CAST(:rep_id AS bigint) IS NULL OR sales_rep_id = :rep_id)
GROUP BY 1, 2
""")
_TEAM = text("""
SELECT count(*), coalesce(sum(total_amount), 0) FROM orders
WHERE sales_rep_id IS NOT NULL AND created_at >= :since AND status <> 'cancelled'
""")


class Period(StrEnum):
    """The steps of a trend."""

    WEEK = "week"
    MONTH = "month"


class ReadPerformance(Input):
    """Whose figures, of how long."""

    rep_id: Id | None = None
    """One rep's alone; a rep's own without it."""
    days: Annotated[int, Field(ge=1, le=3660)] = 90
    """The period in days, today included."""
    period: Period = Period.MONTH
    """The steps of the trend."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One week or month: `period` is 2026-11 for a month, the Monday's date for a week."""

    period: str
    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class RepFigures:
    """One rep's figures; commissions are None for who may not see them."""

    id: int
    name: str
    orders: int
    revenue: Decimal
    new_customers: int
    calls: int
    commission_earned: Decimal | None
    commission_paid: Decimal | None
    trend: Sequence[TrendPoint] = ()

    @property
    def avg_order_value(self) -> Decimal:
        """What one order is worth; 0 without any."""
        return round_half_up(self.revenue / self.orders) if self.orders else ZERO

    @property
    def conversion(self) -> float:
        """Orders for each call; 0 without calls."""
        return round(self.orders / self.calls, 4) if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Performance:
    """The team's figures of a period and those of its reps, the one who sold most first."""

    period_days: int
    period_label: str
    team_revenue: Decimal
    team_orders: int
    reps: Sequence[RepFigures]


async def get_performance(db: Reader, query: ReadPerformance, *, visible_to: Actor) -> Performance:
    """The figures of the reps the actor may see, in three statements.

    Raises NotAllowed for a rep who asks for a colleague's, and NotFound for an unknown rep.
    """
    own = rep_of(visible_to)
    if own is not None and query.rep_id not in {None, own}:
        raise NotAllowed("A sales rep sees figures of their own.")
    zone = current_business().timezone
    first_day = business_today(zone) - timedelta(days=query.days - 1)
    values = {"since": start_of_business_day(first_day, zone), "rep_id": own if own is not None else query.rep_id}
    rows = (await db.execute(_REPS, values)).all()
    if query.rep_id is not None and not rows:
        raise NotFound("There is no such sales rep.")
    sees_money = may(visible_to, Right.SEE_COMMISSIONS)
    steps = _list_steps(first_day, business_today(zone), query.period)
    found: dict[tuple[int, date], tuple[int, Decimal]] = {
        (row.id, row.first): (row.orders, row.revenue)
        for row in await db.execute(_TREND, values | {"period": query.period.value, "zone": str(zone)})
    }
    reps = []
    for row in rows:
        figures = (
            RepFigures(*row) if sees_money else replace(RepFigures(*row), commission_earned=None, commission_paid=None)
        )
        trend = [TrendPoint(_name(step, query.period), *found.get((row.id, step), (0, ZERO))) for step in steps]
        reps.append(replace(figures, trend=trend))
    orders, revenue = (await db.execute(_TEAM, {"since": values["since"]})).one()
    label = "Today" if query.days == 1 else f"Last {query.days} days"
    return Performance(query.days, label, revenue, orders, reps)


def _list_steps(first: date, last: date, period: Period) -> list[date]:
    """The first days of the weeks or months that a stretch touches."""
    is_week = period is Period.WEEK
    step = first - timedelta(days=first.weekday()) if is_week else first_of_month(first)
    steps = []
    while step <= last:
        steps.append(step)
        step = step + timedelta(days=7) if is_week else first_of_month(step + timedelta(days=32))
    return steps


def _name(step: date, period: Period) -> str:
    return step.isoformat() if period is Period.WEEK else f"{step:%Y-%m}"
