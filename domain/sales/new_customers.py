"""Customers whose first order came in a stretch of days, by the rep that it counts for."""

from datetime import date, timedelta

from sqlalchemy import text

from domain.kernel.clock import start_of_business_day
from domain.orders.business import current_business
from domain.orders.queries import Reader

# The kept sums say whose first day may lie here; those whose orders changed since are asked about as well. A day more
# is for sums that were cut in another time zone; the orders themselves decide.
_NEW = text("""
WITH asked AS (
  SELECT customer_id FROM customer_sales WHERE first_day BETWEEN CAST(:first AS date) - 1 AND CAST(:last AS date) + 1
  UNION SELECT customer_id FROM customer_sales_change
)
SELECT f.sales_rep_id, count(*) AS customers
FROM asked CROSS JOIN LATERAL (
  SELECT o.sales_rep_id, o.created_at FROM orders AS o
  WHERE o.customer_id = asked.customer_id AND o.status <> 'cancelled' ORDER BY o.created_at, o.id LIMIT 1
) AS f
WHERE f.sales_rep_id IS NOT NULL AND f.created_at >= :since AND f.created_at < :until
  AND (CAST(:rep_id AS bigint) IS NULL OR f.sales_rep_id = :rep_id)
GROUP BY f.sales_rep_id
""")


async def count_new_customers(db: Reader, first: date, last: date, *, rep_id: int | None = None) -> dict[int, int]:
    """How many customers each rep won between two business days; only those of one rep where one is named."""
    zone = current_business().timezone
    values = {
        "first": first,
        "last": last,
        "since": start_of_business_day(first, zone),
        "until": start_of_business_day(last + timedelta(days=1), zone),
        "rep_id": rep_id,
    }
    return {row.sales_rep_id: row.customers for row in await db.execute(_NEW, values)}
