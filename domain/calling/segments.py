"""The figures of a caller's day."""

from dataclasses import dataclass
from datetime import timedelta, tzinfo
from decimal import Decimal

from sqlalchemy import text

from domain.kernel.actor import Actor
from domain.kernel.clock import business_day_bounds, business_today, now, start_of_business_day
from domain.kernel.money import round_half_up
from domain.orders.queries import Reader

_DAY = """
SELECT
  (SELECT count(*) FROM outbound_call_log WHERE staff_id = :id AND created_at >= {since} AND created_at < {until}) +
  (SELECT count(*) FROM calling_event WHERE kind = 'called' AND actor_kind = 'staff' AND actor_id = :id
     AND created_at >= {since} AND created_at < {until}) AS calls,
  count(o.id) AS orders, coalesce(sum(o.total_amount), 0) AS revenue
FROM orders AS o
WHERE o.sales_rep_id = :id AND o.status <> 'cancelled' AND o.created_at >= {since} AND o.created_at < {until}
"""
_KPI = text(_DAY.format(since=":since", until=":until"))
_USUAL = text(f"""
SELECT avg(calls)::float8 AS calls, avg(orders)::float8 AS orders, coalesce(avg(revenue), 0) AS revenue
FROM unnest(CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[])) AS past(since, until)
CROSS JOIN LATERAL ({_DAY.format(since="past.since", until="past.until")}) AS day WHERE calls > 0
""")  # noqa: S608 - constants of this module
# A usual day is the mean of this many days, one in each of the previous weeks.
USUAL_WEEKS = 4


@dataclass(frozen=True, slots=True)
class CallerDay:
    """The caller's results today: calls, orders attributed to them, and their amount in US dollars."""

    calls_today: int
    orders_placed: int
    revenue_today: Decimal

    @property
    def conversion(self) -> float:
        """Orders per call; 0 without calls."""
        return round(self.orders_placed / self.calls_today, 4) if self.calls_today else 0.0


async def get_caller_day(db: Reader, *, by: Actor, timezone: tzinfo) -> CallerDay:
    """Return the actor's figures of the current business day."""
    since, until = business_day_bounds(business_today(timezone), timezone)
    return CallerDay(*(await db.execute(_KPI, {"id": by.id, "since": since, "until": until})).one())


@dataclass(frozen=True, slots=True)
class UsualDay:
    """What a caller has usually done by this time on this day of the week: means, revenue in US dollars."""

    calls: float
    orders: float
    revenue: Decimal

    @property
    def conversion(self) -> float:
        """Orders per call."""
        return self.orders / self.calls


async def find_usual_day(db: Reader, *, by: Actor, timezone: tzinfo) -> UsualDay | None:
    """Return the means of this weekday in the last four weeks, up to this time of day; None if no call was made."""
    local = now().astimezone(timezone)
    days = [local - timedelta(weeks=weeks) for weeks in range(1, USUAL_WEEKS + 1)]
    since = [start_of_business_day(day.date(), timezone) for day in days]
    row = (await db.execute(_USUAL, {"id": by.id, "since": since, "until": days})).one()
    return UsualDay(row.calls, row.orders, round_half_up(row.revenue)) if row.calls else None
