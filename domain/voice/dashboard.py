"""The dashboard of voice agents: calls, orders, revenue, cost and quality for a range of business days.

An order counts once, for the first call linked to it, unless it is cancelled. Costs are rounded once per business day,
so that days, weeks and months add up to the same amount. A failed check is no evaluation: it says nothing of the score
or of whether the caller got what they asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationInfo, field_validator
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.kernel.clock import business_range_bounds, business_today, start_of_business_day
from domain.kernel.errors import InvalidInput
from domain.kernel.hours import find_cut_hours
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import DateIn, Id, Input
from domain.kernel.money import ZERO
from domain.voice.voice_hours import RESULTS
from models import CallLog, columns_of

CALLS = columns_of(CallLog)
MOST_DAYS = 3_700
DEFAULT_DAYS = 30


class Granularity(StrEnum):
    """The length of a row's period."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


_UNITS = {Granularity.DAILY: "day", Granularity.WEEKLY: "week", Granularity.MONTHLY: "month"}


class DashboardQuery(Input):
    """Which calls are counted."""

    agent_id: Id | None = None
    """Only this agent's calls."""
    date_from: DateIn | None = None
    """The first day; by default 30 days ago."""
    date_to: DateIn | None = None
    """The last day; by default today."""
    granularity: Granularity = Granularity.DAILY
    """daily, weekly (from Monday) or monthly."""

    @field_validator("date_to")
    @classmethod
    def _is_a_range(cls, date_to: date | None, info: ValidationInfo) -> date | None:
        date_from = info.data.get("date_from")
        if date_from and date_to and date_from > date_to:
            raise bad_field("must not lie before date_from")
        return date_to


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a period. Amounts are in US dollars, shares are from 0 to 1."""

    calls: int = 0
    orders: int = 0
    revenue: Decimal = ZERO
    cost: Decimal = ZERO
    evaluated: int = 0
    score_sum: int = 0
    resolved: int = 0
    hallucinated: int = 0
    seconds: int = 0

    @property
    def avg_score(self) -> float | None:
        """The mean score of the evaluated calls."""
        return round(self.score_sum / self.evaluated, 2) if self.evaluated else None

    @property
    def resolution_rate(self) -> float | None:
        """The share of evaluated calls in which the caller got what they asked for."""
        return round(self.resolved / self.evaluated, 4) if self.evaluated else None

    @property
    def hallucination_rate(self) -> float | None:
        """The share of evaluated calls in which the agent said something false."""
        return round(self.hallucinated / self.evaluated, 4) if self.evaluated else None

    @property
    def roi(self) -> float | None:
        """(revenue − cost) / cost; None without cost."""
        return round(float((self.revenue - self.cost) / self.cost), 4) if self.cost else None


@dataclass(frozen=True, slots=True)
class Row:
    """One period, named by its first day."""

    period: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The figures of a range, and of each period in it."""

    summary: Figures
    rows: list[Row]
    date_from: date
    date_to: date


_NAMES = (
    "calls", "orders", "revenue", "cost", "evaluated", "score_sum", "resolved", "hallucinated", "seconds",
)  # fmt: skip
# The sums of days and of longer periods, without the costs, which are rounded by day.
_SUMS = ", ".join(
    f"sum({name}){'' if name == 'revenue' else '::bigint'} AS {name}" for name in _NAMES if name != "cost"
)
_ROWS = text(f"""
WITH {RESULTS},
days AS (
  SELECT (at AT TIME ZONE :zone)::date AS day, {_SUMS},
    round(sum(cost) + sum(unpriced_seconds) * :per_minute / 60, 2) AS cost
  FROM results WHERE CAST(:agent_id AS bigint) IS NULL OR agent_id = :agent_id
  GROUP BY day
)
SELECT date_trunc(:unit, day::timestamp)::date AS period, {_SUMS}, sum(cost) AS cost
FROM days GROUP BY period ORDER BY period
""")  # noqa: S608 - constants of ours


async def find_first_day(db: AsyncSession, today: date, *, timezone: ZoneInfo) -> date:
    """Return the first call's business day, or the earliest first day of a range if later; today without calls."""
    first = await db.scalar(select(func.min(CALLS.started_at)))
    return max(first.astimezone(timezone).date(), today - timedelta(days=MOST_DAYS)) if first else today


async def read_dashboard(
    db: AsyncSession | AsyncConnection, asked: DashboardQuery, *, timezone: ZoneInfo, cost_per_minute: Decimal
) -> Dashboard:
    """Return the figures of a range, in one statement. Periods without calls are rows of zeros.

    Raises InvalidInput for a range that is too long.
    """
    last = asked.date_to or business_today(timezone)
    first = asked.date_from or min(last, business_today(timezone) - timedelta(days=DEFAULT_DAYS))
    if (last - first).days > MOST_DAYS or last < first:
        raise InvalidInput(
            "The range is too long, or its dates are reversed.", fields={"date_from": "is too far in the past"}
        )
    begins, ends = business_range_bounds(first, last, timezone)
    # An hour that contains the beginning of a day belongs to two days.
    days = (start_of_business_day(first + timedelta(days=n), timezone) for n in range((last - first).days + 2))
    found = await db.execute(
        _ROWS,
        {
            "unit": _UNITS[asked.granularity],
            "zone": timezone.key,
            "begins": begins,
            "ends": ends,
            "cut": find_cut_hours(days),
            "agent_id": asked.agent_id,
            "per_minute": cost_per_minute,
        },
    )
    by_period = {row.period: Figures(**{name: getattr(row, name) for name in _NAMES}) for row in found}
    rows = [Row(period, by_period.get(period, Figures())) for period in _periods(first, last, asked)]
    return Dashboard(_add([row.figures for row in rows]), rows, first, last)


def fold_weeks(days: Iterable[Row]) -> list[Row]:
    """Sum up the days as weeks from Monday."""
    by_week = groupby(days, key=lambda day: day.period - timedelta(days=day.period.weekday()))
    return [Row(monday, _add([day.figures for day in of_week])) for monday, of_week in by_week]


def _periods(first: date, last: date, asked: DashboardQuery) -> list[date]:
    """Return the first day of every period that overlaps the range."""
    periods = []
    day = first
    if asked.granularity is Granularity.WEEKLY:
        day -= timedelta(days=day.weekday())
    if asked.granularity is Granularity.MONTHLY:
        day = day.replace(day=1)
    while day <= last:
        periods.append(day)
        if asked.granularity is Granularity.MONTHLY:
            day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        else:
            day += timedelta(days=7 if asked.granularity is Granularity.WEEKLY else 1)
    return periods


def _add(rows: list[Figures]) -> Figures:
    """Return the sum of the rows, for the summary."""
    total: dict[str, Any] = {name: getattr(Figures(), name) for name in _NAMES}
    for row in rows:
        for name in _NAMES:
            total[name] += getattr(row, name)
    return Figures(**total)
