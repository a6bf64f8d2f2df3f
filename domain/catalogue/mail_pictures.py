"""The addresses of product images that an email shows next to its lines."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from models import Product, columns_of

PRODUCTS = columns_of(Product)


async def list_picture_paths(db: AsyncSession | AsyncConnection, skus: Collection[str]) -> dict[str, str]:
    """Return the path of each product's thumbnail by lower-case SKU; products without our own image are left out."""
    wanted = sorted({sku.lower() for sku in skus})
    if not wanted:
        return {}
    rows = await db.execute(
        select(func.lower(PRODUCTS.sku), PRODUCTS.id, PRODUCTS.image_hash).where(
            func.lower(PRODUCTS.sku).in_(wanted), PRODUCTS.image_hash.is_not(None), PRODUCTS.is_active
        )
    )
    return {sku: f"/api/products/{product_id}/thumbnail?v={sha256[:16]}" for sku, product_id, sha256 in rows}
