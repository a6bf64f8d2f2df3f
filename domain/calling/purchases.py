"""The products that were ever sold, from stored counts: always exact, however many lines were sold."""

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

FOLD_JOB = "fold_purchase_counts"
# An int is added faster than a bigint, whose sum is numeric; no SKU is in two thousand million orders.
_NAMED = """
  SELECT c.sku, c.name, sum(c.orders::int) AS orders
  FROM {rows} AS p, unnest(p.skus, p.names, p.orders) AS c(sku, name, orders)
  GROUP BY c.sku, c.name HAVING sum(c.orders::int) <> 0
"""
# All products are read at once: PostgreSQL underestimates the number of products sold, and would look up each of them.
# Few were sold under a SKU that is now written in other letters: only those are compared in lower case.
_PURCHASED = f"""
SELECT s.sku, coalesce(p.name, (SELECT name FROM product WHERE lower(sku) = lower(s.sku)), s.name) AS name,
  s.purchase_count
FROM (
  SELECT sku, max(name) AS name, sum(orders::int) AS purchase_count
  FROM ({_NAMED.format(rows="purchase_count")}) AS named GROUP BY sku
) AS s LEFT JOIN (SELECT sku, name FROM product OFFSET 0) AS p ON p.sku = s.sku
ORDER BY s.purchase_count DESC, s.sku
"""  # noqa: S608 - constants of this module
# A single snapshot deletes the changes and adds them up, so that later changes remain. A single row is left as it is. A
# fold that runs next to another one may see only the deductions of a name; these are kept as negative counts.
_FOLD = f"""
WITH noted AS (
  DELETE FROM purchase_count WHERE (SELECT count(*) FROM purchase_count) > 1 RETURNING skus, names, orders
),
counted AS ({_NAMED.format(rows="noted")})
INSERT INTO purchase_count (skus, names, orders)
SELECT array_agg(sku), array_agg(name), array_agg(orders) FROM counted HAVING count(*) > 0
"""  # noqa: S608 - constants of this module
_COUNT_AGAIN = """
WITH noted AS (DELETE FROM purchase_count)
INSERT INTO purchase_count (skus, names, orders)
SELECT array_agg(sku), array_agg(name), array_agg(orders) FROM (
  SELECT sku, name, count(*) AS orders FROM (
    SELECT i.product_sku AS sku, max(i.product_name) AS name
    FROM order_item AS i JOIN orders AS o ON o.id = i.order_id
    WHERE o.status <> 'cancelled' AND i.product_sku <> '' GROUP BY i.order_id, i.product_sku
  ) AS each GROUP BY sku, name
) AS counted HAVING count(*) > 0
"""


async def list_purchased_products(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """List the SKUs that were ever sold, most often bought first, with the number of orders that contain each.

    Rows contain the SKU, a name and that number. Cancelled orders do not count. The name is that of the product, or the
    last one in the alphabet under which the SKU was sold.
    """
    return list(await connection.fetch(_PURCHASED))


async def fold_purchase_counts(db: AsyncSession) -> None:
    """Fold all rows into one."""
    await (await raw_connection(db)).execute(_FOLD)


async def count_purchases_again(db: AsyncSession) -> None:
    """Recount every line, after many were written without change rows."""
    await (await raw_connection(db)).execute(_COUNT_AGAIN)
