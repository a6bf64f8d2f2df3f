"""What the customer of an entry has bought, summed up on the entry; the nightly run corrects missed updates."""

from collections.abc import Sequence
from datetime import tzinfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.orders.calling_totals import WINDOW

_SUMS = """
SELECT {key} AS customer_id, count(*) AS orders, count(DISTINCT (created_at AT TIME ZONE :zone)::date) AS days,
  sum(total_amount) AS spend, min(created_at) AS first_at, max(created_at) AS last_at,
  (min(created_at) AT TIME ZONE :zone)::date AS first_day, (max(created_at) AT TIME ZONE :zone)::date AS last_day
FROM orders WHERE {wanted} AND status <> 'cancelled'
"""
_WINDOW = WINDOW.format(first="t.first_day", last="t.last_day", days="t.days")
_SET_WINDOW = "window_from = w.window_from, window_until = w.window_until"
_OF_ENTRIES = text(f"""
UPDATE calling_entry AS e SET order_count = w.orders, order_days = w.days, total_spend = w.spend,
  first_order_at = w.first_at, last_order_at = w.last_at, {_SET_WINDOW}
FROM (
  SELECT own.id, t.orders, t.days, coalesce(t.spend, 0) AS spend, t.first_at, t.last_at, {_WINDOW}
  FROM calling_entry AS own
  CROSS JOIN LATERAL ({_SUMS.format(key="own.customer_id", wanted="customer_id = own.customer_id")}) AS t
  WHERE own.id = ANY(:ids)
) AS w WHERE w.id = e.id
""")  # noqa: S608 - constants of ours
# The orders of all customers are read once, and only entries whose sums changed are written.
_ALL = text(f"""
WITH t AS ({_SUMS.format(key="customer_id", wanted="customer_id IS NOT NULL")} GROUP BY customer_id),
wanted AS (
  SELECT e.id, f.* FROM calling_entry AS e LEFT JOIN t ON t.customer_id = e.customer_id
  CROSS JOIN LATERAL (
    SELECT coalesce(t.orders, 0) AS orders, coalesce(t.days, 0) AS days, coalesce(t.spend, 0) AS spend, t.first_at,
      t.last_at, {_WINDOW}
  ) AS f
  WHERE (e.order_count, e.order_days, e.total_spend, e.first_order_at, e.last_order_at, e.window_from, e.window_until)
    IS DISTINCT FROM (f.orders, f.days, f.spend, f.first_at, f.last_at, f.window_from, f.window_until)
  ORDER BY e.id FOR NO KEY UPDATE OF e
)
UPDATE calling_entry AS e SET order_count = w.orders, order_days = w.days, total_spend = w.spend,
  first_order_at = w.first_at, last_order_at = w.last_at, {_SET_WINDOW}
FROM wanted AS w WHERE w.id = e.id
""")  # noqa: S608 - constants of ours


async def refresh_totals(db: AsyncSession, entry_ids: Sequence[int], *, timezone: tzinfo) -> None:
    """Sum up again what the customers of these entries bought."""
    if entry_ids:
        await db.execute(_OF_ENTRIES, {"ids": sorted(entry_ids), "zone": str(timezone)})


async def refresh_all_totals(db: AsyncSession, *, timezone: tzinfo) -> None:
    """Like `refresh_totals`, for the whole list."""
    await db.execute(_ALL, {"zone": str(timezone)})
