"""What an entry's customer has bought, summed up on the entry; the nightly run corrects what was missed."""

from collections.abc import Sequence
from datetime import tzinfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_TOTALS = """
UPDATE calling_entry AS e SET
  order_count = coalesce(t.orders, 0), order_days = coalesce(t.days, 0), total_spend = coalesce(t.spend, 0),
  first_order_at = t.first_at, last_order_at = t.last_at
FROM calling_entry AS own LEFT JOIN LATERAL (
  SELECT count(*) AS orders, count(DISTINCT (o.created_at AT TIME ZONE :zone)::date) AS days,
    sum(o.total_amount) AS spend, min(o.created_at) AS first_at, max(o.created_at) AS last_at
  FROM orders AS o WHERE o.customer_id = own.customer_id AND o.status <> 'cancelled'
) AS t ON true
WHERE own.id = e.id AND {wanted}
"""
_OF_ENTRIES = text(_TOTALS.format(wanted="e.id = ANY(:ids)"))
# Every customer's orders are read once, and only entries whose sums are others are written.
_ALL = text("""
WITH t AS (
  SELECT customer_id, count(*) AS orders, count(DISTINCT (created_at AT TIME ZONE :zone)::date) AS days,
    sum(total_amount) AS spend, min(created_at) AS first_at, max(created_at) AS last_at
  FROM orders WHERE customer_id IS NOT NULL AND status <> 'cancelled' GROUP BY customer_id
),
wanted AS (
  SELECT e.id, coalesce(t.orders, 0) AS orders, coalesce(t.days, 0) AS days, coalesce(t.spend, 0) AS spend,
    t.first_at, t.last_at
  FROM calling_entry AS e LEFT JOIN t ON t.customer_id = e.customer_id
  WHERE (e.order_count, e.order_days, e.total_spend, e.first_order_at, e.last_order_at)
    IS DISTINCT FROM (coalesce(t.orders, 0), coalesce(t.days, 0), coalesce(t.spend, 0), t.first_at, t.last_at)
  ORDER BY e.id FOR NO KEY UPDATE OF e
)
UPDATE calling_entry AS e SET order_count = w.orders, order_days = w.days, total_spend = w.spend,
  first_order_at = w.first_at, last_order_at = w.last_at
FROM wanted AS w WHERE w.id = e.id
""")


async def refresh_totals(db: AsyncSession, entry_ids: Sequence[int], *, timezone: tzinfo) -> None:
    """Sum up again what the customers of these entries bought."""
    if entry_ids:
        await db.execute(_OF_ENTRIES, {"ids": sorted(entry_ids), "zone": str(timezone)})


async def refresh_all_totals(db: AsyncSession, *, timezone: tzinfo) -> None:
    """The same of the whole list."""
    await db.execute(_ALL, {"zone": str(timezone)})
