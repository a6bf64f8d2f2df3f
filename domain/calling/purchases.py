"""What was ever bought, from kept counts: exact at any time, however many lines were sold."""

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

FOLD_JOB = "fold_purchase_counts"
_NAMED = """
  SELECT c.sku, c.name, sum(c.orders) AS orders
  FROM {rows} AS p, unnest(p.skus, p.names, p.orders) AS c(sku, name, orders)
  GROUP BY c.sku, c.name HAVING sum(c.orders) <> 0
"""
# All products are read at once: PostgreSQL takes what was sold for a few rows, and would look up each of them.
_PURCHASED = f"""
SELECT s.sku, coalesce(p.name, s.name) AS name, CAST(s.purchase_count AS bigint) AS purchase_count FROM (
  SELECT sku, max(name) AS name, sum(orders) AS purchase_count FROM ({_NAMED.format(rows="purchase_count")}) AS named
  GROUP BY sku
) AS s LEFT JOIN (SELECT lower(sku) AS sku, name FROM product OFFSET 0) AS p ON p.sku = lower(s.sku)
ORDER BY s.purchase_count DESC, s.sku
"""  # noqa: S608 - constants of this module
# One snapshot takes the notes away and adds them up: a note that comes later stays. One row alone stays as it is. A
# fold beside another one may see only what was taken off a name, which is kept below zero.
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
    """The SKUs that were ever sold, most often bought first, with the number of orders that hold each.

    Rows hold the SKU, a name and that number. Cancelled orders do not count. A SKU bears the name of its product, or
    the last by the alphabet that it was sold by.
    """
    return list(await connection.fetch(_PURCHASED))


async def fold_purchase_counts(db: AsyncSession) -> None:
    """Make one row of all."""
    await (await raw_connection(db)).execute(_FOLD)


async def count_purchases_again(db: AsyncSession) -> None:
    """Count every line, after many were written without notes."""
    await (await raw_connection(db)).execute(_COUNT_AGAIN)
