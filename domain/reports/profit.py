"""Profit by business month: sales, cost of goods and cost of shipping. One statement over stored hours.

An order counts in the month in which it was placed unless it is cancelled. Allowances and credit memos count in the
month in which they were given, and labels in the month in which they were bought unless they were refunded.
"""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import text

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import add_months, business_today, first_of_month, start_of_business_day
from domain.kernel.hours import find_cut_hours
from domain.kernel.inputs import Input
from domain.kernel.money import ZERO, round_half_up
from domain.orders.queries import Reader
from domain.reports.trade_hours import TRADE

# The bounds of the months are passed as two arrays, so that months follow the business calendar and not UTC.
_PROFIT = text(f"""
WITH {TRADE},
month AS (
  SELECT width_bucket(at, CAST(:firsts AS timestamptz[])) AS place, sum(orders) AS orders, sum(sales) AS sales,
    sum(fees) AS fees, sum(goods) AS goods, sum(shipping) AS shipping, sum(allowances) AS allowances,
    sum(bare_lines) AS bare_lines, sum(bare_sales) AS bare_sales
  FROM trade GROUP BY place
)
SELECT place, coalesce(m.orders, 0)::bigint, coalesce(m.sales, 0) - coalesce(m.allowances, 0), coalesce(m.fees, 0),
  coalesce(m.goods, 0), coalesce(m.shipping, 0), coalesce(m.allowances, 0), coalesce(m.bare_lines, 0)::bigint,
  coalesce(m.bare_sales, 0)
FROM generate_series(1, cardinality(CAST(:firsts AS timestamptz[]))) AS place LEFT JOIN month AS m USING (place)
ORDER BY place
""")  # noqa: S608 - constants of ours


class ProfitQuery(Input):
    """How many months to include."""

    period: Annotated[int, Field(ge=1, le=60)] = 6
    """The number of months, including the current one."""


@dataclass(frozen=True, slots=True)
class MonthProfit:
    """One month, in US dollars. `total_sales` is net of `allowances`; `lines_without_cost` count with a cost of 0."""

    first: date
    order_count: int
    total_sales: Decimal
    delivery_fees: Decimal
    cost_of_goods: Decimal
    shipping_cost: Decimal
    allowances: Decimal
    lines_without_cost: int
    sales_without_cost: Decimal

    @property
    def year(self) -> int:
        """The month's year."""
        return self.first.year

    @property
    def month(self) -> int:
        """The month, 1 to 12."""
        return self.first.month

    @property
    def month_label(self) -> str:
        """The month as in tables: `Nov 2026`."""
        return f"{self.first:%b %Y}"

    @property
    def income(self) -> Decimal:
        """Sales plus delivery fees."""
        return self.total_sales + self.delivery_fees

    @property
    def gross_profit(self) -> Decimal:
        """Sales and delivery fees less goods and shipping."""
        return self.total_sales + self.delivery_fees - self.cost_of_goods - self.shipping_cost

    @property
    def avg_order_value(self) -> Decimal:
        """The mean of sales and delivery fees per order; 0 without orders."""
        return calculate_average(self.total_sales + self.delivery_fees, self.order_count)

    @property
    def margin_percent(self) -> Decimal | None:
        """Gross profit as a percentage of sales and delivery fees; None if these are 0."""
        income = self.total_sales + self.delivery_fees
        return self.gross_profit * 100 / income if income else None


@dataclass(frozen=True, slots=True)
class Profit:
    """The months, oldest first, and their totals. `before` is the same number of months before, if requested."""

    period: int
    monthly: list[MonthProfit]
    totals: MonthProfit
    before: MonthProfit | None = None


async def get_profit(
    db: Reader, query: ProfitQuery, *, visible_to: Actor, timezone: tzinfo, compares: bool = False
) -> Profit:
    """Return the last `period` months, including the current one. Months without orders are rows of zeros.

    With `compares`, the same number of months before is read in the same statement.
    """
    require(visible_to, Right.SEE_PROFIT, "Only a manager sees profit.")
    firsts = list_months(query.period * 2 if compares else query.period, business_today(timezone))
    edges = [start_of_business_day(first, timezone) for first in (*firsts, add_months(firsts[-1], 1))]
    monthly = [
        MonthProfit(first, *_as_cents(row[1:])) for first, row in zip(firsts, await _read(db, edges), strict=True)
    ]
    shown, earlier = monthly[-query.period :], monthly[: -query.period]
    return Profit(query.period, shown, add_up(shown), add_up(earlier) if earlier else None)


def list_months(period: int, today: date) -> list[date]:
    """Return the first days of the last months up to the current one."""
    running = first_of_month(today)
    return [add_months(running, -back) for back in range(period - 1, -1, -1)]


def add_up(months: list[MonthProfit]) -> MonthProfit:
    """Sum up several months as one, named by the first."""
    return MonthProfit(
        months[0].first,
        sum(month.order_count for month in months),
        sum((month.total_sales for month in months), ZERO),
        sum((month.delivery_fees for month in months), ZERO),
        sum((month.cost_of_goods for month in months), ZERO),
        sum((month.shipping_cost for month in months), ZERO),
        sum((month.allowances for month in months), ZERO),
        sum(month.lines_without_cost for month in months),
        sum((month.sales_without_cost for month in months), ZERO),
    )


def calculate_average(income: Decimal, orders: int) -> Decimal:
    """Return the mean order value, rounded half up to the cent; 0 without orders."""
    return round_half_up(income / orders) if orders else ZERO


async def _read(db: Reader, edges: list[datetime]) -> list[tuple[Any, ...]]:
    values = {"firsts": edges[:-1], "begins": edges[0], "ends": edges[-1], "cut": find_cut_hours(edges)}
    return [tuple(row) for row in await db.execute(_PROFIT, values)]


def _as_cents(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(round_half_up(value) if isinstance(value, Decimal) else value for value in values)
