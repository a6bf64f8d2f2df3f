"""The parts of profit by hour: sales, fees, goods, allowances and labels, counted from the rows themselves.

Readers use the stored hours, and recount those that changed since. `proofs/profit.py` compares both with a full
recount.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.hours import HOUR, changed_between, count_for_good, take_notes
from domain.orders.allowances import is_allowance
from domain.procurement.pace import KEEP_PRODUCTS
from domain.reports.rep_hours import FOLD_REPS

FOLD_JOB = "count_trade_hours"
_COLUMNS = "orders, sales, fees, goods, bare_lines, bare_sales, allowances, shipping"
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in _COLUMNS.split(", "))
# Every row that counts in the hours of `changed`, with its time; LATERAL, so that only the rows of these hours are
# read.
COUNT_TRADE = f"""
SELECT o.created_at AS at, 1 AS orders, o.subtotal - o.discount_amount AS sales, o.delivery_fee AS fees, g.goods,
  g.bare_lines, g.bare_sales, 0.00 AS allowances, 0.00 AS shipping
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id, created_at, subtotal, discount_amount, delivery_fee FROM orders
  WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' AND status <> 'cancelled' OFFSET 0
) AS o
CROSS JOIN LATERAL (
  SELECT coalesce(sum(quantity * coalesce(unit_cost, 0)), 0) AS goods,
    count(*) FILTER (WHERE unit_cost IS NULL) AS bare_lines,
    coalesce(sum(line_total) FILTER (WHERE unit_cost IS NULL), 0) AS bare_sales
  FROM order_item WHERE order_id = o.id
) AS g
UNION ALL
SELECT p.created_at, 0, 0, 0, 0, 0, 0, -p.applied_amount, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT created_at, applied_amount FROM payment
  WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' AND {is_allowance("payment")} OFFSET 0
) AS p
UNION ALL
SELECT m.created_at, 0, 0, 0, 0, 0, 0, m.amount, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT created_at, amount FROM credit_memo
  WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' OFFSET 0
) AS m
UNION ALL
SELECT a.created_at, 0, 0, 0, 0, 0, 0, a.amount, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT created_at, amount FROM order_allowance
  WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' OFFSET 0
) AS a
UNION ALL
SELECT l.bought_at, 0, 0, 0, 0, 0, 0, 0, coalesce(l.rate, 0) + coalesce(l.insurance, 0)
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT bought_at, rate, insurance FROM label
  WHERE bought_at >= h.hour AND bought_at < h.hour + interval '1 hour' AND state = 'bought'
    AND refund_status IS DISTINCT FROM 'refunded' OFFSET 0
) AS l
"""  # noqa: S608 - constants of ours
# What was traded between two moments, as rows to be summed up by time; hours that contain one of them are counted
# again.
TRADE = f"""{changed_between("begins", "ends", "trade")},
trade AS (
  SELECT * FROM (
    SELECT hour AS at, {_COLUMNS} FROM trade_hour WHERE hour NOT IN (SELECT hour FROM changed)
    UNION ALL {COUNT_TRADE}
  ) AS each WHERE at >= CAST(:begins AS timestamptz) AND at < CAST(:ends AS timestamptz)
)"""  # noqa: S608 - constants of ours
_FOLD = f"""
WITH {take_notes("trade")},
dropped AS (DELETE FROM trade_hour WHERE hour IN (SELECT hour FROM changed)),
{KEEP_PRODUCTS}
INSERT INTO trade_hour (hour, {_COLUMNS})
SELECT {HOUR.format("at")} AS hour, {_SUMS} FROM ({COUNT_TRADE}) AS each GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - constants of ours


async def fold_trade_hours(db: AsyncSession) -> None:
    """Recount the hours that changed and the commissions of these hours, and store both."""
    await count_for_good(db, _FOLD)
    await count_for_good(db, FOLD_REPS)
