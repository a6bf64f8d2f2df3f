"""The table of products edited in place: many rows saved at once, the good ones kept and the bad ones shown again."""

import re
from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_plural, with_query
from domain.access.rights import Right
from domain.catalogue.bulk_save import BulkSaveProducts, RefusedRow, SavedProducts, bulk_save_products
from domain.catalogue.categories import list_category_names
from domain.catalogue.edit_table import EDITABLE, EditLine, find_changes, get_edit_lines, list_edit_lines
from domain.catalogue.product_page import FIELD_LABELS
from domain.catalogue.product_table import ProductFilters
from domain.catalogue.undo_bulk import UNDOABLE, undo_bulk_save
from domain.kernel.paging import Page
from domain.kernel.whole_numbers import read_id
from models.session import current_database
from portal.attempts import Attempt, attempt
from portal.products.list import LIST
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs, reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_product_edits", __name__)
EDIT = f"{LIST}/edit"
_FIELD = re.compile(r"products\[(0|[1-9][0-9]{0,3})\]\[(\w+)\]")
# What the table shows beside what the page of a product calls by a name.
LABELS = FIELD_LABELS | {"stock_quantity": "Stock"}
COLUMN_WORDS = LABELS | {"unit_price": "Price", "in_stock": "For sale", "is_active": "Shown"}
Typed = dict[int, dict[str, str]]


@blueprint.get(EDIT)
@staff_page(Right.EDIT_PRODUCTS)
@reads_query(ProductFilters)
async def show_edit_table(query: ProductFilters) -> Response:
    """A page of the list, open for editing."""
    async with current_database().reading() as connection:
        page = await list_edit_lines(connection, query)
        categories = await list_category_names(connection)
    rows = [_make_row(number, line) for number, line in enumerate(page.rows)]
    return await _show_table(rows, categories, page=page)


@blueprint.post(EDIT)
@staff_page(Right.EDIT_PRODUCTS)
async def save_edit_table() -> Response:
    """Save the rows that differ; those that can't be saved are shown again with what was typed."""
    typed = _read_rows(await form_pairs())
    changes = {number: find_changes(row, row.get("seen", "")) for number, row in typed.items()}
    sent = [number for number, changed in changes.items() if changed]
    if not sent:
        return await redirect_to(_list_url(), toast="Nothing was changed")

    async def save(data: BulkSaveProducts) -> SavedProducts:
        return await bulk_save_products(db(), data, by=current_actor())

    tried = await attempt(BulkSaveProducts, save, pairs=_pair_changes(sent, typed, changes))
    if tried.result is not None and not tried.result.errors:
        toast = f"{format_plural(len(tried.result.saved), 'product')} saved"
        return await redirect_to(_list_url(), toast=toast, undo=_undo_url(changes))
    return await _show_refused(sent, typed, tried)


@blueprint.post(f"{EDIT}/undo/<request_id>")
@staff_page(Right.EDIT_PRODUCTS)
async def undo_edits(request_id: str) -> Response:
    """Give the products of one save their values from before."""
    done, left = await undo_bulk_save(db(), request_id, by=current_actor())
    toast = f"Undone, but {format_plural(left, 'product')} changed again in the meantime" if left else "Undone"
    return await redirect_to(LIST, toast=toast if done else "They changed again in the meantime, so they stay")


def _undo_url(changes: dict[int, dict[str, str]]) -> str | None:
    """Where Undo of this request posts to; None where its values alone do not go back."""
    names, request_id = {name for changed in changes.values() for name in changed}, current_actor().request_id
    return f"{EDIT}/undo/{request_id}" if request_id and names <= UNDOABLE else None


def _list_url() -> str:
    return LIST + with_query(request.args.to_dict(flat=False), per_page=None).rstrip("?")


def _read_rows(pairs: dict[str, list[str]]) -> Typed:
    """The rows of the form by their numbers, each field as its last value says."""
    rows: Typed = {}
    for name, values in pairs.items():
        if found := _FIELD.fullmatch(name):
            rows.setdefault(int(found[1]), {})[found[2]] = values[-1]
    return rows


def _pair_changes(sent: list[int], typed: Typed, changes: dict[int, dict[str, str]]) -> dict[str, list[str]]:
    """The form again with what differs alone, so that nobody else's edit of another field is undone."""
    pairs: dict[str, list[str]] = {}
    for number in sent:
        row = {name: typed[number].get(name, "") for name in ("id", "version")} | changes[number]
        pairs |= {f"products[{number}][{name}]": [value] for name, value in row.items()}
    return pairs


async def _show_refused(sent: list[int], typed: Typed, tried: Attempt[SavedProducts]) -> Response:
    """The rows that were not saved, and above them how many were."""
    result = tried.result or SavedProducts()
    # The rows that were sent stand in the order of their numbers, as the form's reader puts them.
    numbers = sorted(sent, key=lambda number: (len(str(number)), str(number)))
    refused = {numbers[row.index]: row for row in result.errors} if tried.result else dict.fromkeys(numbers)
    ids = {number: _read_id(typed[number]) for number in refused}
    lines = await get_edit_lines(db(), list(ids.values()))
    rows = [
        _make_row(number, lines[ids[number]], typed[number], refusal)
        for number, refusal in refused.items()
        if ids[number] in lines
    ]
    gone = "" if len(rows) == len(refused) else "Some of these products are no longer there."
    return await _show_table(
        rows,
        await list_category_names(db()),
        saved_count=len(result.saved),
        # Rows that were saved are kept, which an answer of refusal would undo.
        status=200 if result.saved else tried.status if tried.refusal else 422,
        problem=tried.refusal.message if tried.refusal else gone,
    )


def _read_id(row: dict[str, str]) -> int:
    """The id that a row of the form names; 0, which no product has, where that is none."""
    return read_id(row.get("id", "")) or 0


def _make_row(
    number: int, line: EditLine, typed: dict[str, str] | None = None, refusal: RefusedRow | None = None
) -> dict[str, Any]:
    """A row for the template: its form's prefix, its values as they are or were typed, and what is wrong."""
    values = line.values | {name: typed[name] for name in EDITABLE if typed and name in typed}
    errors = dict(refusal.fields) if refusal else {}
    wrong = {name: sentence for name, sentence in errors.items() if name in EDITABLE}
    is_stale = "version" in errors
    return {
        "prefix": f"products[{number}]",
        "id": line.id,
        "sku": line.sku,
        "version": line.version,
        "seen": line.seen,
        "values": values,
        "wrong": frozenset(wrong),
        "problems": [_say(*each) for each in wrong.items()] or ([refusal.error] if refusal else []),
        "differences": [
            (LABELS[name], values[name], value)
            for name, value in line.values.items()
            if is_stale and value != values[name] and name != "category_id"
        ],
    }


def _say(name: str, sentence: str) -> str:
    """What is wrong with a field as a sentence that names it."""
    whole = sentence if sentence[:1].isupper() else f"{COLUMN_WORDS[name]} {sentence}"
    return whole.removesuffix(".") + "."


async def _show_table(
    rows: list[dict[str, Any]],
    categories: list[tuple[int, str]],
    *,
    page: Page[EditLine] | None = None,
    saved_count: int = 0,
    status: int = 200,
    problem: str = "",
) -> Response:
    return await page_or_block(
        "products/edit_table.html",
        block="edit_table",
        status=status,
        rows=rows,
        page=page,
        categories=[(str(category_id), name) for category_id, name in categories],
        labels=COLUMN_WORDS,
        saved_count=saved_count,
        problem=problem,
        url=EDIT + with_query(request.args.to_dict(flat=False)).rstrip("?"),
        list_url=_list_url(),
    )
