"""Finds what is scanned or typed in the warehouse: a SKU or barcode first, then words of a name."""

from collections.abc import Sequence

from sqlalchemy import and_, case, func, or_

from domain.catalogue.barcodes import spell_code
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
    is_code = or_(sku == wanted, and_(Product.barcode != "", func.lower(Product.barcode).in_(spell_code(wanted))))
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
    sku, barcode = func.lower(Product.sku), func.lower(Product.barcode)
    spelled = sorted({spelling for code in wanted for spelling in spell_code(code)})
    named = SELECT_LINES.where(or_(sku.in_(wanted), and_(Product.barcode != "", barcode.in_(spelled))))
    lines = [make_line(row, visible_to) for row in await db.execute(named)]
    barcodes = {line.barcode.lower(): line for line in lines if line.barcode}
    others = {spelling: line for code, line in barcodes.items() for spelling in spell_code(code)}
    return others | barcodes | {line.sku.lower(): line for line in lines}
