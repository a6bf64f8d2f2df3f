"""A live preview of the printed invoice beside its form."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from quart import Blueprint, Response

from documents.invoice_pdf import TERMS, write_invoice_html
from domain.access.rights import Right
from domain.invoices.lines import InvoiceLine, fill_lines
from domain.invoices.papers import get_invoice_content
from domain.invoices.totals import InvoiceTotals, calculate_invoice_totals
from domain.kernel.errors import DomainError
from domain.kernel.inputs import DateIn, Input, MoneyIn, Text60, Text200, Text2000, read_form
from domain.kernel.money import ZERO
from portal.invoices.list import LIST
from portal.render import page_or_block
from web.guards import staff_page
from web.reading import form_pairs, input_rules
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_invoice_preview", __name__)


class SumsForm(Input):
    """The form fields that determine the totals."""

    items: list[InvoiceLine] | None = None
    discount_amount: MoneyIn | None = None
    shipping_fee: MoneyIn | None = None


class PaperForm(Input):
    """The form fields that are printed as typed."""

    customer_name: Text200 | None = None
    customer_company: Text200 | None = None
    customer_address: Text200 | None = None
    customer_city: Text200 | None = None
    customer_state: Text200 | None = None
    customer_zip: Text60 | None = None
    po_number: Text60 | None = None
    payment_terms: Text60 | None = None
    due_date: DateIn | None = None
    notes: Text2000 | None = None


@blueprint.post(f"{LIST}/<id:invoice_id>/preview")
@staff_page(Right.EDIT_INVOICES)
async def show_preview(invoice_id: int) -> Response:
    """The preview of the typed form, or of the last saved version if some input can’t be read."""
    content = await get_invoice_content(invoice_id, visible_to=current_actor())
    pairs = await form_pairs()
    try:
        content |= await _read_paper(pairs)
        problem = ""
    except (DomainError, ArithmeticError):
        problem = "Last saved version: some input can’t be read yet"
    paper = write_invoice_html(invoice_id, content, settings=settings(), base="/static/")
    return await page_or_block("invoices/edit/part.html", block="invoice_paper", paper=paper, preview_problem=problem)


async def sum_form(pairs: Mapping[str, Sequence[str]]) -> tuple[list[Any], InvoiceTotals]:
    """The lines and totals of the form; raises a DomainError or ArithmeticError for unreadable input."""
    data = read_form(SumsForm, pairs, **input_rules())
    lines = await fill_lines(db(), data.items or [])
    rate = Decimal(pairs.get("tax_rate", ["0"])[-1].strip(" %") or 0)
    totals = calculate_invoice_totals(
        [line.line_total for line in lines],
        discount=data.discount_amount or ZERO,
        shipping=data.shipping_fee or ZERO,
        tax_rate=rate,
    )
    return lines, totals


async def _read_paper(pairs: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The printed content for the form; an invoice with fixed lines keeps its amounts."""
    read = read_form(PaperForm, pairs, **input_rules())
    said = {name: value or "" for name, value in read.model_dump().items() if name in pairs}
    if "due_date" in said:
        said["due_date"] = read.due_date.isoformat() if read.due_date else None
    if said.get("payment_terms") not in TERMS:
        said.pop("payment_terms", None)
    if not any(name.startswith("items[") for name in pairs):
        return said
    lines, totals = await sum_form(pairs)
    shown = ("description", "sku", "quantity", "unit_price", "line_total")
    money = ("subtotal", "discount_amount", "shipping_fee", "tax_rate", "tax_amount", "total_amount")
    items = [{name: getattr(line, name) for name in shown} for line in lines]
    return said | {name: getattr(totals, name) for name in money} | {"items": items}
