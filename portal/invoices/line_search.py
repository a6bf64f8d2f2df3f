"""Products for invoice lines: searched while typing, and added with their price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.invoices.lines import InvoiceLine, fill_lines
from domain.kernel.errors import DomainError
from domain.search.find import FoundProduct, find_products
from portal.invoices.list import LIST
from portal.orders.draft import read_times
from portal.render import page_or_block
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db

blueprint = Blueprint("portal_invoice_lines", __name__)
Pairs = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class LineSearch:
    """The search and its results; `line` is the chosen product as a form line."""

    words: str = ""
    hits: Sequence[FoundProduct] = ()
    line: dict[str, Any] | None = None
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.post(f"{LIST}/products")
@staff_page(Right.EDIT_INVOICES)
async def find_line_products() -> Response:
    """The products that match the search field below the lines."""
    found = await search_line(await form_pairs())
    return await page_or_block("invoices/edit/part.html", block="product_hits", search=found or LineSearch())


async def search_line(pairs: Pairs, *, takes_first: bool = False) -> LineSearch | None:
    """The form's search, or the line that it adds; None if it does neither. `12x whisk` adds twelve of the first
    result, with the price for that quantity.
    """
    times, words = read_times(pairs.get("product_q", [""])[-1][:80])
    sku = pairs.get("add", [""])[-1].strip()[:60]
    if not words and not sku:
        return None
    hits = await find_products(db(), sku or words, visible_to=current_actor())
    chosen = next((hit for hit in hits if hit.sku == sku), None) if sku else next(iter(hits), None)
    if chosen is None or not (sku or takes_first):
        return LineSearch(pairs.get("product_q", [""])[-1], hits)
    quantity = times or 1
    try:
        [line] = await fill_lines(db(), [InvoiceLine(product_id=chosen.id, quantity=quantity)])
    except DomainError as refusal:
        return LineSearch(words, hits, errors={"product_q": refusal.message})
    shown = {
        "product_id": line.product_id, "description": line.description, "sku": line.sku, "quantity": line.quantity,
        "unit_price": line.unit_price, "line_total": line.line_total,
    }  # fmt: skip
    return LineSearch(line=shown)
