"""Products for the lines of an invoice, found as the shop finds them."""

import asyncpg

from domain.catalogue.list_products import ListProducts, list_products
from domain.kernel.inputs import Text200
from domain.kernel.paging import NewestPageInput, Page

FOUND = ("id", "name", "sku", "unit_price", "bulk_price", "unit_size", "brand")


class SearchInvoiceProducts(NewestPageInput):
    """What to look for among the active products."""

    q: Text200 | None = None
    """A few letters of the name or the SKU; without it all of them, by name."""


async def find_invoice_products(
    connection: asyncpg.Connection, asked: SearchInvoiceProducts
) -> Page[dict[str, object]]:
    """A page of the active products for the text, the closest first."""
    page = await list_products(connection, ListProducts(search=asked.q, page=asked.page, per_page=asked.per_page))
    return page.map(lambda row: {name: row[name] for name in FOUND})
