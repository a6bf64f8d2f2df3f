"""What customers ordered of a product in the last 90 days, by the business's weeks.

Lines count of orders that were placed in the period and not cancelled. Stored hours are used, except those that changed
since they were counted.
"""

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.hours import HOUR, HOURS_OF_90_DAYS, changed_between, find_cut_hours
from domain.kernel.money import ZERO

SALES_DAYS = 90
# Besides the hours that changed, those are counted again that are no longer stored, and those that an earlier release
# stored without orders and revenue.
_SALES = text(f"""
WITH {changed_between("since", "until", "trade")},
again AS MATERIALIZED (
  SELECT hour FROM changed
  UNION SELECT hour FROM product_hour
  WHERE product_id = :product_id AND hour >= CAST(:since AS timestamptz) AND orders IS NULL
  UNION SELECT generate_series({HOUR.format("CAST(:since AS timestamptz)")}, {HOURS_OF_90_DAYS} - interval '1 hour',
    interval '1 hour')
),
sold AS (
  SELECT hour AS at, units, orders, revenue FROM product_hour
  WHERE product_id = :product_id AND hour >= CAST(:since AS timestamptz) AND hour < CAST(:until AS timestamptz)
    AND hour NOT IN (SELECT hour FROM again)
  UNION ALL
  SELECT o.created_at, i.units, 1, i.revenue
  FROM again AS h
  CROSS JOIN LATERAL (
    SELECT id, created_at FROM orders
    WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' AND status <> 'cancelled' OFFSET 0
  ) AS o
  CROSS JOIN LATERAL (
    SELECT sum(quantity) AS units, sum(line_total) AS revenue FROM order_item
    WHERE order_id = o.id AND product_id = :product_id HAVING count(*) > 0
  ) AS i
  WHERE o.created_at >= CAST(:since AS timestamptz) AND o.created_at < CAST(:until AS timestamptz)
)
SELECT width_bucket(at, CAST(:weeks AS timestamptz[])) AS place, sum(units)::bigint AS units,
  sum(orders)::bigint AS orders, sum(revenue) AS revenue
FROM sold GROUP BY place
""")  # noqa: S608 - constants of ours


@dataclass(frozen=True, slots=True)
class WeekOfSales:
    """What was ordered in the week from `first_day` on, as far as it is in the period."""

    first_day: date
    units: int
    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class ProductSales:
    """The weeks of a period, oldest first, and their sums."""

    first_day: date
    last_day: date
    weeks: tuple[WeekOfSales, ...]

    @property
    def units(self) -> int:
        """The number of units ordered."""
        return sum(week.units for week in self.weeks)

    @property
    def orders(self) -> int:
        """The number of orders with the product."""
        return sum(week.orders for week in self.weeks)

    @property
    def revenue(self) -> Decimal:
        """The amount of their lines in US dollars, before discounts on whole orders."""
        return sum((week.revenue for week in self.weeks), ZERO)


async def read_sales(db: AsyncSession | AsyncConnection, product_id: int, *, timezone: tzinfo) -> ProductSales:
    """Return the last 90 days of a product by weeks that begin on Monday, including weeks without orders."""
    last_day = business_today(timezone)
    first_day = last_day - timedelta(days=SALES_DAYS - 1)
    monday = first_day - timedelta(days=first_day.weekday())
    mondays = [monday + timedelta(weeks=number) for number in range((last_day - monday).days // 7 + 1)]
    edges = [
        start_of_business_day(day, timezone) for day in (first_day, *mondays[1:], mondays[-1] + timedelta(weeks=1))
    ]
    rows = await db.execute(
        _SALES,
        {
            "product_id": product_id,
            "since": edges[0],
            "until": edges[-1],
            "weeks": edges[:-1],
            "cut": find_cut_hours(edges),
        },
    )
    found = {row.place: (row.units, row.orders, row.revenue) for row in rows}
    weeks = (WeekOfSales(day, *found.get(place, (0, 0, ZERO))) for place, day in enumerate(mondays, 1))
    return ProductSales(first_day, last_day, tuple(weeks))
