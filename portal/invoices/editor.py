"""The invoice editor: new, from an order, a draft or a revision, with live totals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from quart import Blueprint, Response, request

from documents.invoice_pdf import TERMS
from domain.access.rights import Right
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.edit import UpdateInvoice, update_invoice
from domain.invoices.invoice_page import InvoicePage, get_invoice_page
from domain.invoices.queries import get_invoice
from domain.invoices.totals import InvoiceTotals
from domain.kernel.errors import DomainError
from domain.kernel.inputs import Filled60, Id, Input
from domain.kernel.whole_numbers import read_id, read_whole
from domain.staff.drafts import KeptDraft
from portal.attempts import Attempt, refusal_of
from portal.drafts import find_shown_draft
from portal.invoices.line_search import LineSearch, search_line
from portal.invoices.list import LIST
from portal.invoices.payer_search import PayerSearch, fill_payer, search_payer, write_phone
from portal.invoices.preview import sum_form
from portal.merging import OPENED, MergedAttempt, Present, attempt_merging, choose_version, keep_opened
from portal.merging_rows import ROW, RowShape, read_row
from portal.once import KEY, attempt_once
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs, reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_invoice_editor", __name__)
BLANK_LINES = 3
LINES = RowShape(
    "items",
    ("product_id", "description", "sku", "quantity", "unit_price"),
    known_by=lambda row: (row["sku"] or row["description"] or row["product_id"]).lower(),
    is_empty=lambda row: not any(row.values()),
)
FIELDS = (
    "customer_name", "customer_company", "customer_email", "customer_phone", "customer_address", "customer_city",
    "customer_state", "customer_zip", "po_number", "payment_terms", "due_date", "tax_rate", "discount_amount",
    "shipping_fee", "notes", "internal_notes",
)  # fmt: skip
# Fields that an empty input clears.
_CLEARED = (
    "customer_company", "customer_email", "customer_phone", "customer_address", "customer_city", "customer_state",
    "customer_zip", "po_number", "due_date", "notes", "internal_notes",
)  # fmt: skip


class NewInvoiceQuery(Input):
    """The customer of a new invoice."""

    customer_id: Id | None = None
    order_number: Filled60 | None = None


@blueprint.get(f"{LIST}/new")
@staff_page(Right.EDIT_INVOICES)
@reads_query(NewInvoiceQuery)
async def show_new_invoice(query: NewInvoiceQuery) -> Response:
    """An empty invoice, or one for a customer."""
    is_for_somebody = query.customer_id is not None or query.order_number is not None
    draft = None if is_for_somebody else await find_shown_draft(f"{LIST}/new")
    if draft is not None:
        return await _show_draft(None, draft)
    return await _show_form(None, await fill_payer(query.customer_id) if query.customer_id is not None else {}, [])


@blueprint.post(f"{LIST}/new")
@staff_page(Right.EDIT_INVOICES)
async def make_invoice() -> Response:
    """Save a new draft, possibly made from an order, and open it."""

    async def make(data: CreateInvoice) -> str:
        made = await create_invoice(db(), data, by=current_actor(), timezone=settings().timezone)
        return str(made.id)

    pairs = await form_pairs()
    if found := await _search_new(pairs):
        return found
    tried = await attempt_once("portal invoice", CreateInvoice, make)
    if tried.result is None:
        if "order_number" in tried.typed:
            raise tried.refusal or AssertionError("a form that failed has a refusal")
        return await _show_form(None, tried.typed, typed_lines(tried.typed), tried)
    return await redirect_to(f"{LIST}/{tried.result}", toast="Draft kept")


@blueprint.get(f"{LIST}/<id:invoice_id>/edit")
@staff_page(Right.EDIT_INVOICES)
async def show_edit(invoice_id: int) -> Response:
    """The editor of a draft, or of the next revision of a sent invoice."""
    shown = await get_invoice_page(db(), invoice_id, visible_to=current_actor())
    draft = await find_shown_draft(f"{LIST}/{invoice_id}/edit")
    return await show_editor(shown) if draft is None else await _show_draft(shown, draft)


@blueprint.post(f"{LIST}/<id:invoice_id>/edit")
@staff_page(Right.EDIT_INVOICES)
async def save_invoice(invoice_id: int) -> Response:
    """Save the form: a draft directly, a sent invoice as its next revision."""

    async def save(data: UpdateInvoice, version: int | None) -> int:
        # A form sends all its fields, so an empty one was cleared.
        cleared = {name: None for name in _CLEARED if name in sent and name not in data.model_fields_set}
        wanted = data.model_copy(update=cleared | {"version": version})
        await update_invoice(db(), invoice_id, wanted, by=current_actor(), timezone=settings().timezone)
        return invoice_id

    sent = await form_pairs()
    if search := await search_line(sent, takes_first=True):
        return await _show_search(await get_invoice_page(db(), invoice_id, visible_to=current_actor()), sent, search)

    async def read_present() -> Present:
        return _read_present(await get_invoice_page(db(), invoice_id, visible_to=current_actor()))

    there = await get_invoice_page(db(), invoice_id, visible_to=current_actor())
    shape = replace(LINES, is_fixed=there.is_money_fixed)
    tried = await attempt_merging(UpdateInvoice, save, read_present, shape=shape)
    if tried.result is None:
        return await show_editor(await get_invoice_page(db(), invoice_id, visible_to=current_actor()), tried)
    return await redirect_to(f"{LIST}/{invoice_id}", toast="Saved")


@blueprint.post(f"{LIST}/sums")
@staff_page(Right.EDIT_INVOICES)
async def show_sums() -> Response:
    """The totals of the form, minus payments and credits; unreadable input counts as zero."""
    totals, problem, pairs = None, "", await form_pairs()
    try:
        _, totals = await sum_form(pairs)
    except (DomainError, ArithmeticError) as error:
        problem = error.message if isinstance(error, DomainError) else "Tax must be a percentage such as 8.25."
    invoice_id = read_id(pairs.get("invoice_id", [""])[-1])
    invoice = await get_invoice(db(), invoice_id, visible_to=current_actor()) if invoice_id else None
    return await page_or_block(
        "invoices/edit/part.html", block="invoice_sums", invoice=invoice, totals=totals, sums_problem=problem
    )


async def show_editor(shown: InvoicePage, tried: Attempt[Any] | None = None) -> Response:
    """The editor of an invoice; after a refusal with the typed values."""
    invoice = shown.invoice
    if tried is not None:
        return await _show_form(shown, tried.typed, typed_lines(tried.typed), tried)
    values = _write_fields(shown) | {"customer_id": invoice.customer_id or ""}
    lines = [
        {
            "product_id": item.product_id or "",
            "description": item.description,
            "sku": item.sku,
            "quantity": item.quantity,
            "unit_price": item.unit_price,
            "line_total": item.line_total,
        }
        for item in shown.items
    ]
    return await _show_form(shown, values, lines)


def _write_fields(shown: InvoicePage) -> dict[str, str]:
    """The fields of the form beside its lines, as text."""
    written = {name: getattr(shown.invoice, name) for name in FIELDS}
    written |= {"tax_rate": f"{shown.invoice.tax_rate.normalize():f}"}
    return write_phone({name: "" if value is None else str(value) for name, value in written.items()})


def _read_present(shown: InvoicePage) -> Present:
    """The invoice's version and form values."""
    rows = [
        {name: "" if (value := getattr(item, name)) is None else value for name in LINES.columns}
        for item in shown.items
    ]
    return Present(
        shown.invoice.version, _write_fields(shown) | ({} if shown.is_money_fixed else LINES.name_rows(rows))
    )


def _describe_clash(tried: Attempt[Any] | None) -> dict[str, Any] | None:
    """Who changed the invoice in the meantime, when, and both values of fields changed by both."""
    if not isinstance(tried, MergedAttempt):
        return None
    rows = {name: name.removeprefix(ROW).capitalize() for name in tried.clashes if name.startswith(ROW)}
    return tried.describe_conflict({name: name.replace("_", " ").capitalize() for name in FIELDS} | rows, _write_row)


def _write_row(name: str, value: str) -> str:
    """A line as text, or any other field unchanged."""
    if not name.startswith(ROW):
        return value
    row = read_row(value)
    return (
        f"{row['quantity'] or 1} × {row['unit_price'] or '–'}, {row['description'] or row['sku']}"
        if row
        else "taken off"
    )


async def _show_draft(shown: InvoicePage | None, draft: KeptDraft) -> Response:
    """The draft of the form, with its original version: a colleague's later changes are merged."""
    # A draft that is shown again is a form of its own.
    typed = {name: values[-1] for name, values in draft.form.items() if name != KEY}
    return await _show_form(shown, typed, typed_lines(typed), sent=typed, draft=draft)


async def _search_new(pairs: Mapping[str, Sequence[str]]) -> Response | None:
    """The form of a new invoice after a search for a customer or product; None if it should be saved."""
    if payer := await search_payer(pairs):
        filled = {**pairs, **{name: [value] for name, value in payer.details.items()}}
        return await _show_search(None, filled, LineSearch(pairs.get("product_q", [""])[-1]), payer)
    search = await search_line(pairs, takes_first=True)
    return await _show_search(None, pairs, search) if search else None


async def _show_search(
    shown: InvoicePage | None,
    pairs: Mapping[str, Sequence[str]],
    search: LineSearch,
    payer: PayerSearch | None = None,
) -> Response:
    """The typed form, with a chosen product as its last line and the current totals."""
    typed = {name: values[-1] for name, values in pairs.items()}
    lines = typed_lines(typed) + ([search.line] if search.line else [])
    rows = {f"items[{row}][{name}]": [str(value)] for row, line in enumerate(lines) for name, value in line.items()}
    others = {name: list(values) for name, values in pairs.items() if not name.startswith("items[")}
    try:
        filled, totals = await sum_form(others | rows)
        lines = [line | {"line_total": one.line_total} for line, one in zip(lines, filled, strict=True)]
    except (DomainError, ArithmeticError):
        totals = None
    return await _show_form(shown, typed, lines, search=search, payer=payer, totals=totals, sent=typed)


async def _show_form(
    shown: InvoicePage | None,
    values: Mapping[str, Any],
    lines: list[dict[str, Any]],
    tried: Attempt[Any] | None = None,
    *,
    search: LineSearch | None = None,
    payer: PayerSearch | None = None,
    totals: InvoiceTotals | None = None,
    sent: Mapping[str, str] | None = None,
    draft: KeptDraft | None = None,
) -> Response:
    """The form; after a search it keeps the version and values with which it was opened, from `sent`."""
    invoice = shown.invoice if shown else None
    kept = (
        InvoiceTotals(
            invoice.subtotal,
            invoice.discount_amount,
            invoice.shipping_fee,
            invoice.tax_rate,
            invoice.tax_amount,
            invoice.total_amount,
        )
        if invoice
        else None
    )
    blank = {"product_id": "", "description": "", "sku": "", "quantity": "", "unit_price": "", "line_total": None}
    is_fixed = shown is not None and shown.is_money_fixed
    present = _read_present(shown) if shown else Present(0, {})
    return await page_or_block(
        "invoices/edit.html",
        block="invoice_form",
        shown=shown,
        invoice=invoice,
        draft=draft,
        values=dict.fromkeys((*FIELDS, "customer_id", KEY), "") | dict(values),
        lines=lines if is_fixed else lines + [blank] * BLANK_LINES,
        is_fixed=is_fixed,
        totals=totals or kept,
        search=search or LineSearch(),
        payer=payer or PayerSearch(),
        sums_problem="",
        terms=[("", "The customer’s"), *TERMS.items()] if invoice is None else list(TERMS.items()),
        url=f"{LIST}/{invoice.id}/edit" if invoice else f"{LIST}/new",
        **refusal_of(tried),
        conflict=_describe_clash(tried),
        version=sent["version"] if sent and "version" in sent else choose_version(tried, present),
        opened=sent[OPENED] if sent and OPENED in sent else keep_opened(tried, present.values),
        is_refused_terms=tried is not None and tried.is_refused_terms,
        order_number=request.args.get("order_number", ""),
    )


def typed_lines(typed: Mapping[str, str]) -> list[dict[str, Any]]:
    """The typed lines that are not empty."""
    rows: dict[int, dict[str, Any]] = {}
    for name, value in typed.items():
        if not name.startswith("items[") or not name.endswith("]"):
            continue
        place, _, field = name.removeprefix("items[").removesuffix("]").partition("][")
        if (row := read_whole(place, most=9_999)) is not None:
            rows.setdefault(row, {})[field] = value
    blank = {"product_id": "", "description": "", "sku": "", "quantity": "", "unit_price": "", "line_total": None}
    return [blank | row for _, row in sorted(rows.items()) if any(row.values())]
