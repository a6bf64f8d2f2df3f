"""Finds what is scanned or typed in the warehouse: a SKU or barcode first, then words of a name."""

from collections.abc import Sequence

from sqlalchemy import case, func, or_

from domain.catalogue.barcodes import match_barcode, read_barcode_key
from domain.catalogue.search import escape_like, match_products, read_search
from domain.inventory.stock_list import SELECT_LINES, Reader, StockLine, make_line
from domain.kernel.actor import Actor
from models import Product

MOST_FOUND = 8


async def find_stock(db: Reader, text: str, *, visible_to: Actor, most: int = MOST_FOUND) -> list[StockLine]:
    """Return products that match a text, also those not shown in the shop; an exact SKU or barcode comes first."""
    wanted, search = text.strip().lower(), read_search(text)
    if search is None:
        return []
    sku = func.lower(Product.sku)
    is_code = or_(sku == wanted, match_barcode(wanted))
    begins = sku.like(escape_like(wanted) + "%")
    rank = case((sku == wanted, 0), (is_code, 1), (begins, 2), else_=3)
    found = SELECT_LINES.where(or_(match_products(search), is_code, begins))
    rows = await db.execute(found.order_by(rank, Product.name, Product.id).limit(most))
    return [make_line(row, visible_to) for row in rows]


async def list_stock_by_code(db: Reader, codes: Sequence[str], *, visible_to: Actor) -> dict[str, StockLine]:
    """Return the products by code (SKU or barcode) in lower case; a SKU takes precedence."""
    wanted = sorted({code.strip().lower() for code in codes if code.strip()})
    if not wanted:
        return {}
    keys = {code: read_barcode_key(code) for code in wanted}
    named = SELECT_LINES.where(or_(func.lower(Product.sku).in_(wanted), match_barcode(*wanted)))
    lines = [make_line(row, visible_to) for row in await db.execute(named)]
    barcodes = {read_barcode_key(line.barcode): line for line in lines if line.barcode}
    named_by_barcode = {code: barcodes[key] for code, key in keys.items() if key in barcodes}
    return named_by_barcode | {line.sku.lower(): line for line in lines}
