"""The sales team as a whole: the previous period, calls by hour, and progress towards the targets."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from domain.calling.hours import find_holiday
from domain.kernel.clock import business_today, days_in_month, first_of_month
from domain.kernel.money import ZERO
from domain.kernel.spreadsheets import Cell, stream_csv
from domain.orders.business import current_business
from domain.orders.days import select_days
from domain.orders.queries import Reader
from domain.sales.call_hours import count_calls, list_by_hour
from domain.sales.new_customers import count_new_customers
from domain.sales.performance import Performance, TeamSums
from domain.sales.targets import list_targets
from models import OrderStatus

SATURDAY = 5
COLUMNS = (
    "rep", "orders", "revenue", "average_order", "new_customers", "calls", "conversion", "commission_earned",
    "commission_paid",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HourOfCalls:
    """The calls of one hour of the day, in the local time of the called person."""

    hour: int
    calls: int
    sales: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A rep's target and sales of this month, in US dollars."""

    target: Decimal
    sold: Decimal

    @property
    def share(self) -> float:
        """The share of the target that is reached; 1 is all of it."""
        return float(self.sold / self.target) if self.target else 0.0


async def add_up_before(db: Reader, days: int, rep_id: int | None = None) -> TeamSums:
    """Return the sums of as many days before the last ones (with today), of the team or one rep. Three statements."""
    last = business_today(current_business().timezone) - timedelta(days=days)
    first = last - timedelta(days=days - 1)
    orders, revenue = 0, ZERO
    for count, amount in (await _list_sold(db, first, last, rep_id)).values():
        orders, revenue = orders + count, revenue + amount
    new = await count_new_customers(db, first, last, rep_id=rep_id)
    calls = await count_calls(db, first, last, rep_id=rep_id)
    return TeamSums(orders, revenue, sum(new.values()), sum(calls.values()))


async def _list_sold(db: Reader, first: date, last: date, rep_id: int | None = None) -> dict[int, tuple[int, Decimal]]:
    """Return the orders of each rep between two business days and their sum, from the stored days."""
    days = select_days(current_business().timezone)
    conditions = [days.c.sales_rep_id != 0, days.c.status != OrderStatus.CANCELLED, days.c.day.between(first, last)]
    if rep_id is not None:
        conditions.append(days.c.sales_rep_id == rep_id)
    sums = select(days.c.sales_rep_id, func.sum(days.c.orders), func.sum(days.c.amount)).where(*conditions)
    return {row[0]: (int(row[1]), row[2]) for row in await db.execute(sums.group_by(days.c.sales_rep_id))}


async def list_call_hours(db: Reader, days: int, rep_id: int | None) -> list[HourOfCalls]:
    """Return the calls of the last days by local hour, from the first hour with calls to the last."""
    today = business_today(current_business().timezone)
    rows = await list_by_hour(db, today - timedelta(days=days - 1), today, rep_id=rep_id)
    found = {row[0]: HourOfCalls(*row) for row in rows}
    if not found:
        return []
    return [found.get(hour, HourOfCalls(hour, 0, 0)) for hour in range(min(found), max(found) + 1)]


async def list_progress(db: Reader) -> Mapping[int, Progress]:
    """Return the progress of each rep with a target for the current month; two statements."""
    today = business_today(current_business().timezone)
    month = first_of_month(today)
    sold = await _list_sold(db, month, today)
    return {
        rep_id: Progress(target, sold.get(rep_id, (0, ZERO))[1])
        for rep_id, target in (await list_targets(db, month)).items()
    }


def count_working_days(today: date) -> tuple[int, int]:
    """Return the number of past working days of the month, including today, and in total: weekdays except holidays."""
    days = [today.replace(day=day) for day in range(1, days_in_month(today.year, today.month) + 1)]
    working = [day for day in days if day.weekday() < SATURDAY and find_holiday(day) is None]
    return sum(day <= today for day in working), len(working)


def export_performance(found: Performance) -> AsyncIterator[bytes]:
    """Return the reps' figures and the revenue of each step of their trend, as chunks of a CSV file."""
    steps = [point.period for point in found.reps[0].trend] if found.reps else []

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        for rep in found.reps:
            yield [
                rep.name, rep.orders, rep.revenue, rep.avg_order_value, rep.new_customers, rep.calls,
                Decimal(str(rep.conversion)), rep.commission_earned, rep.commission_paid,
                *(point.revenue or ZERO for point in rep.trend),
            ]  # fmt: skip

    return stream_csv((*COLUMNS, *(f"revenue_{step}" for step in steps)), rows())
