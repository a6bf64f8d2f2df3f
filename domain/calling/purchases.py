"""What was ever bought, from kept counts: exact at any time, however many lines were sold."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from domain.orders.queries import Reader
from models.session import raw_connection

FOLD_JOB = "fold_purchase_counts"
_PURCHASED = text("""
SELECT s.sku, coalesce(p.name, s.name) AS name, CAST(s.purchase_count AS bigint) AS purchase_count FROM (
  SELECT sku, max(name) AS name, sum(orders) AS purchase_count FROM (
    SELECT sku, name, sum(orders) AS orders FROM purchase_count GROUP BY sku, name HAVING sum(orders) <> 0
  ) AS named GROUP BY sku
) AS s LEFT JOIN product AS p ON lower(p.sku) = lower(s.sku)
ORDER BY s.purchase_count DESC, s.sku
""")
# One snapshot takes the notes away and adds them up: a note that comes later stays. What has one row keeps it. A fold
# beside another one may see only what was taken off a name, which stays as well.
_FOLD = """
WITH noted AS (
  DELETE FROM purchase_count AS p USING (
    SELECT sku, name FROM purchase_count GROUP BY sku, name HAVING count(*) > 1
  ) AS several WHERE p.sku = several.sku AND p.name = several.name RETURNING p.sku, p.name, p.orders
)
INSERT INTO purchase_count (sku, name, orders)
SELECT sku, name, sum(orders) FROM noted GROUP BY sku, name HAVING sum(orders) <> 0 ORDER BY sku, name
"""
_COUNT_AGAIN = """
WITH noted AS (DELETE FROM purchase_count)
INSERT INTO purchase_count (sku, name, orders)
SELECT sku, name, count(*) FROM (
  SELECT i.product_sku AS sku, max(i.product_name) AS name
  FROM order_item AS i JOIN orders AS o ON o.id = i.order_id
  WHERE o.status <> 'cancelled' AND i.product_sku <> '' GROUP BY i.order_id, i.product_sku
) AS each GROUP BY sku, name ORDER BY sku, name
"""


async def list_purchased_products(db: Reader) -> Sequence[Row[Any]]:
    """The SKUs that were ever sold, most often bought first, with the number of orders that hold each.

    Cancelled orders do not count. A SKU bears the name of its product, or the last by the alphabet that it was sold by.
    """
    return (await db.execute(_PURCHASED)).all()


async def fold_purchase_counts(db: AsyncSession) -> None:
    """Make one row of each SKU and name."""
    await (await raw_connection(db)).execute(_FOLD)


async def count_purchases_again(db: AsyncSession) -> None:
    """Count every line, after many were written without notes."""
    await (await raw_connection(db)).execute(_COUNT_AGAIN)
