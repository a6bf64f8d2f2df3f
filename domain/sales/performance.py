"""The performance of the sales team: orders, revenue, new customers, calls and commission of each rep, with a trend."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import Date, cast, func, select, text

from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, first_of_month, start_of_business_day
from domain.kernel.errors import NotAllowed, NotFound
from domain.kernel.hours import find_cut_hours
from domain.kernel.inputs import Id, Input
from domain.kernel.money import ZERO, round_half_up
from domain.orders.business import current_business
from domain.orders.days import select_days
from domain.orders.queries import Reader
from domain.reports.rep_hours import COMMISSIONS
from domain.sales.call_hours import count_calls
from domain.sales.customers import rep_of
from domain.sales.new_customers import count_new_customers
from models import OrderStatus

# Orders that are dated in the future count too.
EVER = datetime(9999, 1, 1, tzinfo=UTC)
_REPS = text(f"""
WITH {COMMISSIONS}
SELECT s.id, coalesce(nullif(s.full_name, ''), s.username) AS name,
  coalesce(o.earned, 0) AS earned, coalesce(o.paid, 0) AS paid
FROM staff AS s
LEFT JOIN (
  SELECT sales_rep_id, sum(earned) AS earned, sum(paid) AS paid FROM commissions GROUP BY sales_rep_id
) AS o ON o.sales_rep_id = s.id
WHERE CASE WHEN CAST(:rep_id AS bigint) IS NULL THEN (s.role = 'sales_rep' AND s.is_active) OR s.id = ANY(:sold)
  ELSE s.id = :rep_id END
ORDER BY name, s.id
""")  # noqa: S608 - constants of ours


class Period(StrEnum):
    """The steps of a trend."""

    WEEK = "week"
    MONTH = "month"


class ReadPerformance(Input):
    """Whose figures, and for how long."""

    rep_id: Id | None = None
    """Only this rep's figures; for a rep, by default their own."""
    days: Annotated[int, Field(ge=1, le=3660)] = 90
    """The period in days, including today."""
    period: Period = Period.MONTH
    """The steps of the trend."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One week or month. `period` is 2026-11 for a month, the Monday's date for a week."""

    period: str
    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class RepFigures:
    """One rep's figures. Commissions are None for readers who may not see them."""

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
        """The mean order total; 0 without orders."""
        return round_half_up(self.revenue / self.orders) if self.orders else ZERO

    @property
    def conversion(self) -> float:
        """Orders per call; 0 without calls."""
        return round(self.orders / self.calls, 4) if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class TeamSums:
    """The sums of the reps' orders and calls of a period; amounts are in US dollars."""

    orders: int
    revenue: Decimal
    new_customers: int
    calls: int

    @property
    def conversion(self) -> float:
        """Orders per call; 0 without calls."""
        return self.orders / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Performance:
    """The team's figures of a period and those of its reps, highest revenue first.

    `sums` covers those whose figures were requested: the team, or one rep.
    """

    period_days: int
    period_label: str
    team_revenue: Decimal
    team_orders: int
    reps: Sequence[RepFigures]
    sums: TeamSums


async def get_performance(db: Reader, query: ReadPerformance, *, visible_to: Actor) -> Performance:
    """Return the figures of the reps that the actor may see, in four statements.

    Raises NotAllowed for a rep who asks for a colleague's figures, and NotFound for an unknown rep.
    """
    own = rep_of(visible_to)
    if own is not None and query.rep_id not in {None, own}:
        raise NotAllowed("Sales reps can see only their own figures.")
    zone, only = current_business().timezone, own if own is not None else query.rep_id
    today = business_today(zone)
    first_day = today - timedelta(days=query.days - 1)
    sold = await _list_sold(db, first_day, query.period)
    since = start_of_business_day(first_day, zone)
    values = {"since": since, "until": EVER, "cut": find_cut_hours([since]), "rep_id": only, "sold": sorted(sold)}
    rows = (await db.execute(_REPS, values)).all()
    if query.rep_id is not None and not rows:
        raise NotFound("There is no such sales rep.")
    calls = await count_calls(db, first_day, today, rep_id=only)
    fresh = await count_new_customers(db, first_day, today, rep_id=only)
    sees_money = may(visible_to, Right.SEE_COMMISSIONS)
    steps = _list_steps(first_day, today, query.period)
    reps = []
    for row in rows:
        by_step = sold.get(row.id, {})
        figures = RepFigures(
            row.id,
            row.name,
            sum(orders for orders, _ in by_step.values()),
            sum((amount for _, amount in by_step.values()), ZERO),
            fresh.get(row.id, 0),
            calls.get(row.id, 0),
            row.earned if sees_money else None,
            row.paid if sees_money else None,
            [TrendPoint(_name(step, query.period), *by_step.get(step, (0, ZERO))) for step in steps],
        )
        reps.append(figures)
    orders, revenue = _add(sold.values())
    asked = (orders, revenue) if only is None else _add([sold.get(only, {})])
    return Performance(
        query.days,
        "Today" if query.days == 1 else f"Last {query.days} days",
        revenue,
        orders,
        sorted(reps, key=lambda rep: rep.revenue, reverse=True),
        TeamSums(*asked, sum(fresh.values()), sum(calls.values())),
    )


def _add(sold: Iterable[Mapping[date, tuple[int, Decimal]]]) -> tuple[int, Decimal]:
    """Return the number of orders of all steps and their sum."""
    steps = [sums for by_step in sold for sums in by_step.values()]
    return sum(orders for orders, _ in steps), sum((amount for _, amount in steps), ZERO)


async def _list_sold(db: Reader, first: date, period: Period) -> dict[int, dict[date, tuple[int, Decimal]]]:
    """Return the orders of each rep and their sum by the first day of each step, from the stored days."""
    days = select_days(current_business().timezone)
    step = cast(func.date_trunc(period.value, days.c.day), Date)
    orders = func.sum(days.c.orders)
    rows = await db.execute(
        select(days.c.sales_rep_id, step, orders, func.sum(days.c.amount))
        .where(days.c.sales_rep_id != 0, days.c.status != OrderStatus.CANCELLED, days.c.day >= first)
        .group_by(days.c.sales_rep_id, step)
        .having(orders > 0)
    )
    found: dict[int, dict[date, tuple[int, Decimal]]] = {}
    for rep_id, begins, count, amount in rows:
        found.setdefault(rep_id, {})[begins] = (int(count), amount)
    return found


def _list_steps(first: date, last: date, period: Period) -> list[date]:
    """Return the first days of the weeks or months that overlap a period."""
    is_week = period is Period.WEEK
    step = first - timedelta(days=first.weekday()) if is_week else first_of_month(first)
    steps = []
    while step <= last:
        steps.append(step)
        step = step + timedelta(days=7) if is_week else first_of_month(step + timedelta(days=32))
    return steps


def _name(step: date, period: Period) -> str:
    return step.isoformat() if period is Period.WEEK else f"{step:%Y-%m}"
