"""Stock for the warehouse and the office: the list, corrections, received goods, and the ledger."""

from typing import Any

from quart import Blueprint, Response

from documents.filters import format_plural
from domain.access.rights import Right
from domain.catalogue.categories import list_category_names
from domain.catalogue.product_table import StockFilter
from domain.inventory.adjust import AdjustReason, AdjustStock, AdjustWay, EditShelf, adjust_stock, edit_shelf
from domain.inventory.stock_list import (
    StockFilters,
    StockLine,
    count_stock,
    find_stock_neighbours,
    get_stock_line,
    list_stock_lines,
)
from domain.kernel.paging import PageInput
from domain.stock.ledger import list_movements
from models.session import current_database
from portal.attempts import Attempt, refusal_of
from portal.lists import make_tabs
from portal.merging import MergedAttempt, Present, attempt_merging, choose_version, keep_opened
from portal.once import attempt_once
from portal.products.product import REASON_WORDS
from portal.render import page_or_block, redirect_to
from portal.walk import walk_list
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_inventory", __name__)
LIST = "/portal/inventory"
TABS: tuple[tuple[StockFilter | None, str], ...] = (
    (None, "All"), (StockFilter.LOW, "Low"), (StockFilter.OUT, "Out"), (StockFilter.AVAILABLE, "In stock"),
    (StockFilter.UNTRACKED, "Not tracked"),
)  # fmt: skip
WAYS = [(AdjustWay.SET, "There are"), (AdjustWay.ADD, "Add"), (AdjustWay.TAKE, "Take away")]
REASONS = [
    (AdjustReason.COUNTED, "Counted"), (AdjustReason.DAMAGED, "Damaged or expired"),
    (AdjustReason.RETURNED, "Returned by a customer"), (AdjustReason.USED, "Used or given away"),
]  # fmt: skip
SHELF_WORDS = {
    "bin_location": "Bin", "barcode": "Barcode", "reorder_level": "Reorder at", "in_stock": "Can be sold",
}  # fmt: skip


@blueprint.get(LIST)
@staff_page(Right.EDIT_STOCK)
@reads_query(StockFilters)
async def show_inventory(query: StockFilters) -> Response:
    """The stock list, or the block of it that changed."""
    async with current_database().listing() as connection:
        page = await list_stock_lines(connection, query, visible_to=current_actor())
        counts = await count_stock(connection)
        categories = await list_category_names(connection)
    return await page_or_block(
        "products/inventory/list.html",
        block="stock_table",
        page=page,
        filters=query,
        tabs=make_tabs(LIST, "stock", [(state, word, counts[state or "all"]) for state, word in TABS], query.stock),
        categories=[("", "Any category"), *((name, name) for _, name in categories)],
    )


@blueprint.get(f"{LIST}/<id:product_id>")
@staff_page(Right.EDIT_STOCK)
@reads_query(PageInput)
async def show_ledger(product_id: int, query: PageInput) -> Response:
    """One product's stock and its movements."""
    async with current_database().listing() as connection:
        line = await get_stock_line(connection, product_id, visible_to=current_actor())
        movements = await list_movements(connection, product_id, query, visible_to=current_actor())
        walk = await walk_list(
            StockFilters,
            lambda filters: find_stock_neighbours(connection, product_id, filters),
            list_url=LIST,
            crumb="Inventory",
            found_by="search",
        )
    return await page_or_block(
        "products/inventory/ledger.html",
        block="ledger_page",
        line=line,
        movements=movements,
        walk=walk,
        url=f"{LIST}/{product_id}",
        reason_words=REASON_WORDS,
    )


@blueprint.get(f"{LIST}/<id:product_id>/adjust")
@staff_page(Right.EDIT_STOCK)
async def show_adjust_form(product_id: int) -> Response:
    """Ask for a correction and its reason."""
    return await _ask("products/inventory/adjust.html", product_id)


@blueprint.post(f"{LIST}/<id:product_id>/adjust")
@staff_page(Right.EDIT_STOCK)
async def adjust(product_id: int) -> Response:
    """Correct the level; the ledger records the difference with its reason."""

    async def save(data: AdjustStock) -> str:
        adjusted = await adjust_stock(db(), product_id, data, by=current_actor())
        return format_plural(adjusted.after or 0, "unit")

    tried = await attempt_once(f"portal adjust {product_id}", AdjustStock, save)
    if tried.result is None:
        return await _ask("products/inventory/adjust.html", product_id, tried)
    line = await get_stock_line(db(), product_id, visible_to=current_actor())
    return await redirect_to(_back_url(product_id), toast=f"{line.name}: {tried.result} in stock")


@blueprint.get(f"{LIST}/<id:product_id>/shelf")
@staff_page(Right.EDIT_STOCK)
async def show_shelf_form(product_id: int) -> Response:
    """Ask for the bin, the barcode and the reorder level."""
    return await _ask("products/inventory/shelf.html", product_id)


@blueprint.post(f"{LIST}/<id:product_id>/shelf")
@staff_page(Right.EDIT_STOCK)
async def save_shelf(product_id: int) -> Response:
    """Save the bin, barcode and reorder level."""

    async def save(data: EditShelf, version: int | None) -> bool:
        await edit_shelf(db(), product_id, data, by=current_actor(), version=version)
        return True

    async def read_present() -> Present:
        return _read_shelf(await get_stock_line(db(), product_id, visible_to=current_actor()))

    tried = await attempt_merging(EditShelf, save, read_present)
    if tried.result is None:
        return await _ask("products/inventory/shelf.html", product_id, tried)
    return await redirect_to(_back_url(product_id), toast="Shelf saved")


async def _ask(template: str, product_id: int, tried: Attempt[Any] | None = None) -> Response:
    """A form about the product as a page or in the dialog; after a refusal with the typed values."""
    act = template.rpartition("/")[2].removesuffix(".html")
    line = await get_stock_line(db(), product_id, visible_to=current_actor())
    shelf = _read_shelf(line)
    conflict = tried.describe_conflict(SHELF_WORDS, _word_shelf) if isinstance(tried, MergedAttempt) else None
    return await page_or_block(
        template,
        block="dialog",
        line=line,
        url=f"{LIST}/{product_id}/{act}",
        back_url=_back_url(product_id),
        typed=tried.typed if tried else {},
        shelf=tried.typed if tried else shelf.values,
        version=choose_version(tried, shelf),
        opened=keep_opened(tried, shelf.values),
        conflict=conflict,
        **refusal_of(tried),
        ways=WAYS,
        reasons=REASONS,
    )


def _read_shelf(line: StockLine) -> Present:
    """The product's version, and the values of its shelf form; a flag is "on" or "0", as its checkbox sends it."""
    level = "" if line.reorder_level is None else str(line.reorder_level)
    kept = {"bin_location": line.bin_location or "", "barcode": line.barcode or "", "reorder_level": level}
    return Present(line.version, kept | {"in_stock": "on" if line.may_sell else "0"})


def _word_shelf(name: str, value: str) -> str:
    return {"on": "yes", "0": "no"}.get(value, value) if name == "in_stock" else value


def _back_url(product_id: int) -> str:
    return f"{LIST}/{product_id}"
