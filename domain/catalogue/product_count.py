"""Fold the rows that triggers write about the number of products into one, so that readers add up only a few."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

FOLD_JOB = "fold_product_count"
# A single snapshot deletes the changes and adds them up, so that later changes remain.
_FOLD = """
WITH noted AS (DELETE FROM product_count RETURNING products)
INSERT INTO product_count (products) SELECT sum(products) FROM noted HAVING count(*) > 0
"""


async def fold_product_count(db: AsyncSession) -> None:
    """Fold all rows into one."""
    await (await raw_connection(db)).execute(_FOLD)
