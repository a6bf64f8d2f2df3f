"""The product table edited in place: many rows are saved at once; bad ones are shown again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_plural, with_query
from domain.access.rights import Right
from domain.catalogue.bulk_save import BulkSaveProducts, RefusedRow, SavedProducts, bulk_save_products
from domain.catalogue.categories import list_category_names
from domain.catalogue.edit_table import EDITABLE, EditLine, find_changes, get_edit_lines, list_edit_lines, read_seen
from domain.catalogue.product_page import FIELD_LABELS
from domain.catalogue.product_table import ProductFilters
from domain.catalogue.undo_bulk import UNDOABLE, undo_bulk_save
from domain.kernel.errors import DomainError
from domain.kernel.paging import Page
from domain.kernel.whole_numbers import read_id
from models.session import current_database
from portal.attempts import attempt, form_status
from portal.merging import merge_fields
from portal.products.list import LIST
from portal.render import doubt_toast, page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs, reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_product_edits", __name__)
EDIT = f"{LIST}/edit"
_FIELD = re.compile(r"products\[(0|[1-9][0-9]{0,3})\]\[(\w+)\]")
# Labels of columns that the product page does not label.
LABELS = FIELD_LABELS | {"stock_quantity": "Stock"}
COLUMN_WORDS = LABELS | {"unit_price": "Price", "in_stock": "For sale", "is_active": "Shown"}
Typed = dict[int, dict[str, str]]


@dataclass(slots=True)
class Outcome:
    """The result of the sent rows: the number saved, errors of the others, and conflicts."""

    sent: list[int]
    saved: int = 0
    refused: dict[int, RefusedRow | None] = field(default_factory=dict)
    refusal: DomainError | None = None
    clashes: dict[int, list[str]] = field(default_factory=dict)

    def go_on(self, again: "Outcome") -> None:
        """Add the result of rows that were sent again: those refused without a clash."""
        kept = {number: refusal for number, refusal in self.refused.items() if number not in again.sent}
        self.saved, self.refused, self.refusal = self.saved + again.saved, kept | again.refused, again.refusal


@blueprint.get(EDIT)
@staff_page(Right.EDIT_PRODUCTS)
@reads_query(ProductFilters)
async def show_edit_table(query: ProductFilters) -> Response:
    """A page of the list, open for editing."""
    async with current_database().listing() as connection:
        page = await list_edit_lines(connection, query)
        categories = await list_category_names(connection)
    rows = [_make_row(number, line) for number, line in enumerate(page.rows)]
    return await _show_table(rows, categories, page=page)


@blueprint.post(EDIT)
@staff_page(Right.EDIT_PRODUCTS)
async def save_edit_table() -> Response:
    """Save the changed rows; those that can't be saved are shown again with the typed values."""
    typed = _read_rows(await form_pairs())
    changes = {number: find_changes(row, row.get("seen", "")) for number, row in typed.items()}
    sent = [number for number, changed in changes.items() if changed]
    if not sent:
        return await redirect_to(_list_url(), toast="Nothing was changed")
    counted = await _find_recounted(sent, typed, changes)
    outcome = await _save_rows([number for number in sent if number not in counted], typed)
    outcome.refused |= counted
    if merged := await _merge_stale(typed, outcome):
        outcome.go_on(await _save_rows(merged, typed))
    if not outcome.refused:
        toast = f"{format_plural(outcome.saved, 'product')} saved"
        return await redirect_to(_list_url(), toast=toast, undo=_undo_url(changes))
    return await _show_refused(typed, outcome)


@blueprint.post(f"{EDIT}/undo/<request_id>")
@staff_page(Right.EDIT_PRODUCTS)
async def undo_edits(request_id: str) -> Response:
    """Undo one save: restore the products' earlier values."""
    done, left = await undo_bulk_save(db(), request_id, by=current_actor())
    toast = f"Undone, but {format_plural(left, 'product')} changed again in the meantime" if left else "Undone"
    if not done:
        doubt_toast()
        toast = "They changed in the meantime, so they can’t be undone"
    elif left:
        doubt_toast()
    return await redirect_to(LIST, toast=toast)


def _undo_url(changes: dict[int, dict[str, str]]) -> str | None:
    """The Undo URL of this request; None if restoring values is not enough."""
    names, request_id = {name for changed in changes.values() for name in changed}, current_actor().request_id
    return f"{EDIT}/undo/{request_id}" if request_id and names <= UNDOABLE else None


def _list_url() -> str:
    return LIST + with_query(request.args.to_dict(flat=False), per_page=None).rstrip("?")


def _read_rows(pairs: dict[str, list[str]]) -> Typed:
    """The form's rows by number; the last value of each field counts."""
    rows: Typed = {}
    for name, values in pairs.items():
        if found := _FIELD.fullmatch(name):
            rows.setdefault(int(found[1]), {})[found[2]] = values[-1]
    return rows


async def _find_recounted(
    sent: list[int], typed: Typed, changes: dict[int, dict[str, str]]
) -> dict[int, RefusedRow | None]:
    """Rows that set a stock level which has changed since the table was opened; the product's version does not cover
    it."""
    counts = [number for number in sent if "stock_quantity" in changes[number]]
    lines = await get_edit_lines(db(), [_read_id(typed[number]) for number in counts]) if counts else {}
    moved: dict[int, RefusedRow | None] = {}
    for number in counts:
        line = lines.get(_read_id(typed[number]))
        if line and read_seen(typed[number].get("seen", "")).get("stock_quantity") != line.values["stock_quantity"]:
            moved[number] = RefusedRow(0, line.id, "The stock moved while you counted.", {"version": "is out of date"})
    return moved


async def _save_rows(sent: list[int], typed: Typed) -> Outcome:
    """Save these rows of the form, sending only values that differ from what the editor saw."""

    async def save(data: BulkSaveProducts) -> SavedProducts:
        return await bulk_save_products(db(), data, by=current_actor())

    pairs: dict[str, list[str]] = {}
    for number in sent:
        row = {name: typed[number].get(name, "") for name in ("id", "version")}
        row |= find_changes(typed[number], typed[number].get("seen", ""))
        pairs |= {f"products[{number}][{name}]": [value] for name, value in row.items()}
    tried = await attempt(BulkSaveProducts, save, pairs=pairs)
    if tried.result is None:
        return Outcome(sent, refused=dict.fromkeys(sent), refusal=tried.refusal)
    # The rows are in the order of their numbers, as the form's reader sorts them.
    numbers = sorted(sent, key=lambda number: (len(str(number)), str(number)))
    return Outcome(sent, len(tried.result.saved), {numbers[row.index]: row for row in tried.result.errors})


async def _merge_stale(typed: Typed, outcome: Outcome) -> list[int]:
    """Merge colleagues' changes into the rows refused for them; returns the rows to send again.

    A row with a field changed by both is not sent; it shows both values.
    """
    stale = [number for number, refusal in outcome.refused.items() if refusal and "version" in refusal.fields]
    lines = await get_edit_lines(db(), [_read_id(typed[number]) for number in stale]) if stale else {}
    merged = []
    for number in stale:
        line, row = lines.get(_read_id(typed[number])), typed[number]
        if line is None:
            continue
        seen = read_seen(row.get("seen", ""))
        mine = {name: row[name] for name in EDITABLE if name in row} | find_changes(row, row.get("seen", ""))
        values, clashes = merge_fields(seen, mine, line.values)
        row |= values | {"version": str(line.version), "seen": line.seen}
        if clashes:
            outcome.clashes[number] = clashes
        else:
            merged.append(number)
    return merged


async def _show_refused(typed: Typed, outcome: Outcome) -> Response:
    """The rows that were not saved, with the number of saved ones above."""
    ids = {number: _read_id(typed[number]) for number in outcome.refused}
    lines = await get_edit_lines(db(), list(ids.values()))
    rows = [
        _make_row(number, lines[ids[number]], typed[number], refusal, outcome.clashes.get(number, []))
        for number, refusal in sorted(outcome.refused.items())
        if ids[number] in lines
    ]
    gone = "" if len(rows) == len(outcome.refused) else "Some of these products are no longer there."
    return await _show_table(
        rows,
        await list_category_names(db()),
        saved_count=outcome.saved,
        # Saved rows must be kept; an error status would roll them back.
        status=200 if outcome.saved else form_status(outcome.refusal) if outcome.refusal else 422,
        problem=outcome.refusal.message if outcome.refusal else gone,
    )


def _read_id(row: dict[str, str]) -> int:
    """The id in a form row; 0, which no product has, if it is invalid."""
    return read_id(row.get("id", "")) or 0


def _make_row(
    number: int,
    line: EditLine,
    typed: dict[str, str] | None = None,
    refusal: RefusedRow | None = None,
    clashes: Sequence[str] = (),
) -> dict[str, Any]:
    """A row for the template: its form prefix, its current or typed values, and its errors."""
    values = line.values | {name: typed[name] for name in EDITABLE if typed and name in typed}
    errors = dict(refusal.fields) if refusal else {}
    wrong = {name: sentence for name, sentence in errors.items() if name in EDITABLE}
    return {
        "prefix": f"products[{number}]",
        "id": line.id,
        "sku": line.sku,
        "version": line.version,
        "seen": line.seen,
        "values": values,
        "wrong": frozenset(wrong),
        "problems": [_say(*each) for each in wrong.items()] or ([refusal.error] if refusal else []),
        "clashes": [(name, LABELS[name], values[name], line.values[name]) for name in clashes],
    }


def _say(name: str, sentence: str) -> str:
    """A field's error as a sentence with the field's name."""
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
        names={str(category_id): name for category_id, name in categories},
        labels=COLUMN_WORDS,
        saved_count=saved_count,
        problem=problem,
        url=EDIT + with_query(request.args.to_dict(flat=False)).rstrip("?"),
        list_url=_list_url(),
    )
