"""Folding what triggers noted of the number of products into one row, so that readers add up few."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

FOLD_JOB = "fold_product_count"
# One snapshot takes the notes away and adds them up: a note that comes later stays.
_FOLD = """
WITH noted AS (DELETE FROM product_count RETURNING products)
INSERT INTO product_count (products) SELECT sum(products) FROM noted HAVING count(*) > 0
"""


async def fold_product_count(db: AsyncSession) -> None:
    """Make one row of all there are."""
    await (await raw_connection(db)).execute(_FOLD)
