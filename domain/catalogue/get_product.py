"""One product as the shop shows it. For the shop, a product that is not active does not exist."""

import asyncpg

from domain.catalogue.list_products import IN_STOCK
from domain.kernel.errors import NotFound
from domain.kernel.inputs import has_nul

SHOWN_HASH_LENGTH = 16
SHOWN = (
    "id",
    "name",
    "description",
    "category_id",
    "sku",
    "unit_price",
    "bulk_price",
    "bulk_quantity",
    "unit_size",
    "brand",
    "image_url",
    "in_stock",
)
_SELECT = f"""
SELECT id, name, description, category_id, sku, unit_price::float8, bulk_price::float8, bulk_quantity, unit_size, brand,
  CASE WHEN image_hash IS NULL THEN image_url
       ELSE '/api/products/' || id || '/image?v=' || left(image_hash, {SHOWN_HASH_LENGTH}) END AS image_url,
  {IN_STOCK} AS in_stock
FROM product WHERE is_active AND
"""  # noqa: S608 -- every part is a constant of our own.
_BY_ID = f"{_SELECT} id = $1"
_BY_SKU = f"{_SELECT} lower(sku) = lower($1)"


async def get_product(connection: asyncpg.Connection, product_id: int) -> asyncpg.Record:
    """Return one active product; the row contains the columns of SHOWN in that order. Raises NotFound."""
    return _found(await connection.fetchrow(_BY_ID, product_id))


async def get_product_by_sku(connection: asyncpg.Connection, sku: str) -> asyncpg.Record:
    """Like `get_product`, by SKU, regardless of case."""
    return _found(None if has_nul(sku) else await connection.fetchrow(_BY_SKU, sku.strip()))


def make_image_url(product_id: int, image_hash: str | None, outside_url: str | None) -> str | None:
    """Return the address of a product's image: ours by its hash, else the external one."""
    if image_hash is None:
        return outside_url
    return f"/api/products/{product_id}/image?v={image_hash[:SHOWN_HASH_LENGTH]}"


def _found(row: asyncpg.Record | None) -> asyncpg.Record:
    if row is None:
        raise NotFound("There is no such product.")
    return row
