"""The catalogue for reps: active products by category, with all that is needed to discuss prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text

from domain.kernel.paging import Page, WidePageInput, make_page
from domain.orders.queries import Reader

_PRODUCTS = text("""
SELECT c.id AS category_id, c.name AS category_name, p.id, p.name, p.sku, p.unit_price, p.bulk_price, p.bulk_quantity,
  p.brand, p.unit_size, (p.in_stock AND coalesce(p.stock_quantity > 0, true)) AS in_stock
FROM (
  SELECT id, name, position FROM category AS w
  WHERE EXISTS (SELECT FROM product WHERE category_id = w.id AND is_active)
  ORDER BY position, name, id LIMIT :most OFFSET :before
) AS c JOIN product AS p ON p.category_id = c.id AND p.is_active
ORDER BY c.position, c.name, c.id, p.name, p.id
""")
_COUNT = text("""
SELECT count(*) FROM category AS w WHERE EXISTS (SELECT FROM product WHERE category_id = w.id AND is_active)
""")


@dataclass(frozen=True, slots=True)
class CatalogProduct:
    """One product. Prices are in US dollars."""

    id: int
    name: str
    sku: str
    unit_price: Decimal
    bulk_price: Decimal | None
    bulk_quantity: int | None
    brand: str
    unit_size: str
    in_stock: bool


@dataclass(frozen=True, slots=True)
class CatalogCategory:
    """A category with its active products by name."""

    id: int
    name: str
    products: Sequence[CatalogProduct]


async def list_catalog(db: Reader, query: WidePageInput) -> Page[CatalogCategory]:
    """Return the categories that have active products, with these products, in two statements."""
    found: dict[tuple[int, str], list[CatalogProduct]] = {}
    for row in await db.execute(_PRODUCTS, {"most": query.per_page, "before": query.offset}):
        found.setdefault((row.category_id, row.category_name), []).append(CatalogProduct(*row[2:]))
    categories = [CatalogCategory(*category, products) for category, products in found.items()]
    total = (await db.execute(_COUNT)).scalar_one()
    return make_page(categories, total, query)
