"""Profit and stats of a large company: their seconds, in one statement, equal to a plain recount."""

import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.reports.home import HomeRange
from domain.reports.profit import ProfitQuery, get_profit
from domain.reports.stats import StatsQuery, get_stats
from domain.reports.trade_hours import fold_trade_hours
from models import Role
from models.session import Database, use_database
from proofs.ground import check, proving_database
from proofs.plans import noted

LEAST = 3_000
PERIODS = (6, 12, 24)
MANAGER = Actor(ActorKind.STAFF, 1, "Proof", Role.MANAGER)
ZONE = ZoneInfo("America/Chicago")
Months = dict[str, tuple[Decimal | int, ...]]
# Spread over two years; one in forty is cancelled, one in seven has a discount.
_ORDERS = """
INSERT INTO orders (order_number, status, item_count, unit_count, subtotal, discount_amount, delivery_fee, total_amount,
  created_at, cancelled_at)
SELECT 'PROFIT-' || n, CASE WHEN n % 40 = 0 THEN 'cancelled' ELSE 'delivered' END, 2, 5, 52.35, o.discount, o.fee,
  52.35 - o.discount + o.fee, o.at, CASE WHEN n % 40 = 0 THEN o.at END
FROM generate_series(CAST(:first AS int), :last) AS n,
  LATERAL (
    SELECT now() - (:last - n) * interval '700 days' / :last AS at, CASE WHEN n % 3 = 0 THEN 25 ELSE 0 END AS fee,
      CASE WHEN n % 7 = 0 THEN 1.15 ELSE 0 END AS discount
  ) AS o
"""
# Two lines an order; one in twenty knows no cost.
_ITEMS = """
INSERT INTO order_item (order_id, product_name, product_sku, quantity, unit_price, line_total, unit_cost, position)
SELECT id, 'Pan', 'PAN-' || id % 500, 3, 10.45, 31.35, CASE WHEN id % 20 <> 0 THEN 6.07 END, 1
FROM orders WHERE id > :known
UNION ALL
SELECT id, 'Lid', 'LID-' || id % 500, 2, 10.50, 21.00, 4.10, 2 FROM orders WHERE id > :known
"""
# One order in five went by a carrier; some labels were refunded.
_LABELS = """
INSERT INTO label (order_id, state, purchase, position, reference, carrier, service, rate, insurance, request,
  shipment_id, tracking_number, bought_at, next_ask_at, refund_status)
SELECT id, 'bought', 'profit-' || id, 1, 'profit-' || id, 'UPS', 'Ground', 8.95, CASE WHEN id % 2 = 0 THEN 1.10 END,
  '{}', 'shp_' || id, '1Z' || id, created_at + interval '2 hours', created_at, CASE WHEN id % 55 = 0 THEN 'refunded' END
FROM orders WHERE id > :known AND id % 5 = 0
"""
# The same from the rows, with months in local time.
RECOUNT = text(
    """
SELECT to_char(at AT TIME ZONE :zone, 'YYYY-MM') AS month, sum(orders)::bigint AS orders, sum(sales) AS sales,
  sum(fees) AS fees, sum(goods) AS goods, sum(labels) AS labels, sum(allowances) AS allowances,
  sum(bare)::bigint AS bare, sum(bare_sales) AS bare_sales
FROM (
  SELECT created_at AS at, 1 AS orders, subtotal - discount_amount AS sales, delivery_fee AS fees, 0::numeric AS goods,
    0::numeric AS labels, 0::numeric AS allowances, 0 AS bare, 0::numeric AS bare_sales
  FROM orders WHERE status <> 'cancelled'
  UNION ALL
  SELECT o.created_at, 0, 0, 0, i.quantity * coalesce(i.unit_cost, 0), 0, 0, (i.unit_cost IS NULL)::int,
    CASE WHEN i.unit_cost IS NULL THEN i.line_total ELSE 0 END
  FROM order_item AS i JOIN orders AS o ON o.id = i.order_id WHERE o.status <> 'cancelled'
  UNION ALL
  SELECT bought_at, 0, 0, 0, 0, coalesce(rate, 0) + coalesce(insurance, 0), 0, 0, 0 FROM label
  WHERE bought_at IS NOT NULL AND state = 'bought' AND refund_status IS DISTINCT FROM 'refunded'
  UNION ALL
  SELECT created_at, 0, applied_amount, 0, 0, 0, -applied_amount, 0, 0 FROM payment
  WHERE given_back = 'allowance' AND given_for <> 'cancelled' AND state = 'succeeded' AND note !~ '^CM-[0-9]{6,}$'
  UNION ALL
  SELECT created_at, 0, -amount, 0, 0, 0, amount, 0, 0 FROM credit_memo
  UNION ALL
  SELECT created_at, 0, -amount, 0, 0, 0, amount, 0, 0 FROM order_allowance
) AS each GROUP BY 1
"""
)


async def recount_months(db: AsyncSession, zone: ZoneInfo) -> Months:
    """Each month that any row counts in, from the rows themselves."""
    return {row.month: tuple(row)[1:] for row in await db.execute(RECOUNT, {"zone": str(zone)})}


async def read_months(db: AsyncSession, period: int, zone: ZoneInfo) -> Months:
    """The months of the report, in the columns of the recount."""
    profit = await get_profit(db, ProfitQuery(period=period), visible_to=MANAGER, timezone=zone)
    return {
        f"{row.year}-{row.month:02d}": (
            row.order_count, row.total_sales, row.delivery_fees, row.cost_of_goods, row.shipping_cost, row.allowances,
            row.lines_without_cost, row.sales_without_cost,
        )
        for row in profit.monthly
    }  # fmt: skip


async def prove(*, orders: int = 1_000_000) -> None:
    """Read the reports of a small company and of a large one, and recount the large one's."""
    async with proving_database() as url:
        database = Database(url, pool_size=2)
        use_database(database)
        known = max(orders // 100, LEAST)
        await _grow(database, 0, known)
        async with database.session() as db:
            few, _ = await _read(db, prints=False)
        await _grow(database, known, orders)
        print(f"  {orders:,} orders with {2 * orders:,} lines")
        for is_counted in (False, True):
            async with database.session() as db:
                if is_counted:
                    await fold_trade_hours(db)
                    await db.commit()
                    await db.execute(text("ANALYZE trade_hour, hour_change"))
                print("  after the hours were counted:" if is_counted else "  before the job has counted an hour:")
                many, months = await _read(db, prints=True)
                recounted = await recount_months(db, ZONE)
            check(f"as many statements as among {known:,} orders: {many}", few == many)
            found = {month: sums for month, sums in months.items() if any(sums)}
            check(f"{len(found)} months are what their rows add up to", found == {m: recounted[m] for m in found})
            check("no month with rows is left out", set(found) == set(recounted))
        await database.close()


async def _grow(database: Database, known: int, orders: int) -> None:
    async with database.session() as db:
        await db.execute(text(_ORDERS), {"first": known + 1, "last": orders})
        for statement in (_ITEMS, _LABELS):
            await db.execute(text(statement), {"known": known})
        await db.execute(text("ANALYZE"))
        await db.commit()


async def _read(db: AsyncSession, *, prints: bool) -> tuple[dict[str, int], Months]:
    """The number of statements of each report, and the months of the longest profit report."""
    counts: dict[str, int] = {}
    months: Months = {}

    async def weigh(name: str, asked: Any) -> Any:
        async with noted(db) as sent:
            started = time.monotonic()
            answer = await asked
        counts[name] = len(sent)
        if prints:
            print(f"  {name}: {time.monotonic() - started:.1f} s, {len(sent)} statements")
        return answer

    for period in PERIODS:
        months = await weigh(f"profit of {period} months", read_months(db, period, ZONE))
    for named in (HomeRange.MONTH, HomeRange.ALL):
        asked: Any = get_stats(db, StatsQuery(range=named), visible_to=MANAGER, timezone=ZONE)
        await weigh(f"stats, {named.value}", asked)
    return counts, months
