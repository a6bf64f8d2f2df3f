"""Finds products for the lines of an invoice, like the shop's search."""

import asyncpg

from domain.catalogue.list_products import ListProducts, list_products
from domain.kernel.inputs import Text200
from domain.kernel.paging import NewestPageInput, Page

FOUND = ("id", "name", "sku", "unit_price", "bulk_price", "unit_size", "brand")


class SearchInvoiceProducts(NewestPageInput):
    """A search among the active products."""

    q: Text200 | None = None
    """A few letters of the name or SKU; without it, all products by name."""


async def find_invoice_products(
    connection: asyncpg.Connection, asked: SearchInvoiceProducts
) -> Page[dict[str, object]]:
    """Return a page of the active products that match the text, best matches first."""
    page = await list_products(connection, ListProducts(search=asked.q, page=asked.page, per_page=asked.per_page))
    return page.map(lambda row: {name: row[name] for name in FOUND})
