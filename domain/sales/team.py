"""The sales team as a whole: two stretches of time side by side, calls by hour, and where the month's targets stand."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import text

from domain.calling.hours import find_holiday
from domain.kernel.clock import business_today, days_in_month, first_of_month, start_of_business_day
from domain.kernel.money import ZERO
from domain.kernel.spreadsheets import Cell, stream_csv
from domain.orders.business import current_business
from domain.orders.queries import Reader
from domain.sales.performance import Performance

SATURDAY = 5
COLUMNS = (
    "rep", "orders", "revenue", "average_order", "new_customers", "calls", "conversion", "commission_earned",
    "commission_paid",
)  # fmt: skip
_SUMS = text("""
SELECT count(*) AS orders, coalesce(sum(total_amount), 0) AS revenue,
  count(*) FILTER (WHERE customer_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM orders AS b WHERE b.customer_id = o.customer_id AND b.status <> 'cancelled'
      AND (b.created_at, b.id) < (o.created_at, o.id)
  )) AS new_customers,
  (SELECT count(*) FROM outbound_call_log
   WHERE staff_id IS NOT NULL AND created_at >= :since AND created_at < :until)
    + (SELECT count(*) FROM calling_event
       WHERE kind = 'called' AND actor_kind = 'staff' AND created_at >= :since AND created_at < :until) AS calls
FROM orders AS o
WHERE sales_rep_id IS NOT NULL AND status <> 'cancelled' AND created_at >= :since AND created_at < :until
""")
# By the clock of who was called: the first zone of their entry, else the business's.
_HOURS = text("""
SELECT extract(hour FROM c.created_at AT TIME ZONE coalesce(nullif(split_part(e.hours_key, '|', 2), ''), :zone))::int
  AS hour, count(*) AS calls, count(*) FILTER (WHERE c.outcome = 'sale_made') AS sales
FROM (
  SELECT created_at, entry_id, outcome FROM outbound_call_log
  WHERE staff_id IS NOT NULL AND created_at >= :since AND (CAST(:rep_id AS bigint) IS NULL OR staff_id = :rep_id)
  UNION ALL
  SELECT created_at, entry_id, '' FROM calling_event
  WHERE kind = 'called' AND actor_kind = 'staff' AND created_at >= :since
    AND (CAST(:rep_id AS bigint) IS NULL OR actor_id = :rep_id)
) AS c LEFT JOIN calling_entry AS e ON e.id = c.entry_id
GROUP BY 1 ORDER BY 1
""")
_PROGRESS = text("""
SELECT t.staff_id, t.amount, coalesce((
  SELECT sum(total_amount) FROM orders
  WHERE sales_rep_id = t.staff_id AND status <> 'cancelled' AND created_at >= :since
), 0) AS sold
FROM sales_target AS t WHERE t.month = :month
""")


@dataclass(frozen=True, slots=True)
class TeamSums:
    """What the reps' orders and calls of a stretch come to; money in US dollars."""

    orders: int
    revenue: Decimal
    new_customers: int
    calls: int

    @property
    def conversion(self) -> float:
        """Orders for each call; 0 without calls."""
        return self.orders / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class HourOfCalls:
    """The calls of one hour of the day, by the clock of who was called."""

    hour: int
    calls: int
    sales: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What a rep is to sell this month and has sold so far, US dollars."""

    target: Decimal
    sold: Decimal

    @property
    def share(self) -> float:
        """The part of the target that is reached; 1 is all of it."""
        return float(self.sold / self.target) if self.target else 0.0


async def compare_team(db: Reader, days: int) -> tuple[TeamSums, TeamSums]:
    """The last days, today included, and as many before them; two statements."""
    zone = current_business().timezone
    first = business_today(zone) - timedelta(days=days - 1)
    edges = [start_of_business_day(day, zone) for day in (first - timedelta(days=days), first)]
    until = start_of_business_day(business_today(zone) + timedelta(days=1), zone)
    before = TeamSums(*(await db.execute(_SUMS, {"since": edges[0], "until": edges[1]})).one())
    return TeamSums(*(await db.execute(_SUMS, {"since": edges[1], "until": until})).one()), before


async def list_call_hours(db: Reader, days: int, rep_id: int | None) -> list[HourOfCalls]:
    """The calls of the last days by the hour in which they rang, from the first hour with any to the last."""
    zone = current_business().timezone
    since = start_of_business_day(business_today(zone) - timedelta(days=days - 1), zone)
    values = {"since": since, "rep_id": rep_id, "zone": str(zone)}
    found = {row.hour: HourOfCalls(*row) for row in await db.execute(_HOURS, values)}
    if not found:
        return []
    return [found.get(hour, HourOfCalls(hour, 0, 0)) for hour in range(min(found), max(found) + 1)]


async def list_progress(db: Reader) -> Mapping[int, Progress]:
    """Where each rep with a target of the running month stands; one statement."""
    zone = current_business().timezone
    month = first_of_month(business_today(zone))
    values = {"month": month, "since": start_of_business_day(month, zone)}
    return {row.staff_id: Progress(row.amount, row.sold) for row in await db.execute(_PROGRESS, values)}


def count_working_days(today: date) -> tuple[int, int]:
    """How many working days of the month are over, today included, and how many it has: weekdays but holidays."""
    days = [today.replace(day=day) for day in range(1, days_in_month(today.year, today.month) + 1)]
    working = [day for day in days if day.weekday() < SATURDAY and find_holiday(day) is None]
    return sum(day <= today for day in working), len(working)


def export_performance(found: Performance) -> AsyncIterator[bytes]:
    """The reps' figures and the revenue of each step of their trend, as pieces of a CSV file."""
    steps = [point.period for point in found.reps[0].trend] if found.reps else []

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        for rep in found.reps:
            yield [
                rep.name, rep.orders, rep.revenue, rep.avg_order_value, rep.new_customers, rep.calls,
                Decimal(str(rep.conversion)), rep.commission_earned, rep.commission_paid,
                *(point.revenue or ZERO for point in rep.trend),
            ]  # fmt: skip

    return stream_csv((*COLUMNS, *(f"revenue_{step}" for step in steps)), rows())
