"""The page of one invoice: a draft in its editor with a preview, a sent one with its payments."""

from typing import Any

from quart import Blueprint, Response

from documents.invoice_pdf import TERMS, make_invoice_writer, write_invoice_html
from domain.access.rights import Right, may
from domain.invoices.invoice_page import InvoicePage, get_invoice_page
from domain.invoices.list_page import InvoiceFilters, find_invoice_neighbours
from domain.invoices.mail import list_invoice_messages
from domain.invoices.papers import get_invoice_content, get_invoice_pdf
from domain.kernel.clock import business_today
from models import GivenFor, InvoiceStatus
from portal.invoices.editor import show_editor
from portal.invoices.list import LIST
from portal.invoices.timeline import make_invoice_timeline
from portal.orders.payments import ALLOWANCES, REVERSALS
from portal.render import page_or_block
from portal.walk import walk_list
from web.guards import staff_page
from web.papers import answer_pdf
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_invoice", __name__)
REASON_WORDS = [
    ("returned", "Goods came back"), ("damaged", "Damaged"), ("short", "Short shipped"), ("goodwill", "Goodwill"),
]  # fmt: skip


GIVEN_WORDS = dict([*ALLOWANCES, *REVERSALS, (GivenFor.CANCELLED, "The invoice was voided")])


@blueprint.get(f"{LIST}/<id:invoice_id>")
@staff_page(Right.SEE_INVOICES)
async def show_invoice(invoice_id: int) -> Response:
    """The invoice; a draft opens in the editor for users who may change it."""
    shown = await get_invoice_page(db(), invoice_id, visible_to=current_actor())
    if shown.invoice.status == InvoiceStatus.DRAFT and may(current_actor(), Right.EDIT_INVOICES):
        return await show_editor(shown)
    return await show_record(shown)


@blueprint.get(f"{LIST}/<id:invoice_id>/pdf")
@staff_page(Right.SEE_INVOICES)
async def show_pdf(invoice_id: int) -> Response:
    """The PDF as last sent, or of a draft in its current state."""
    paper = await get_invoice_pdf(invoice_id, visible_to=current_actor(), write_pdf=make_invoice_writer(settings()))
    return answer_pdf(paper.data, paper.filename)


@blueprint.get(f"{LIST}/<id:invoice_id>/paper")
@staff_page(Right.SEE_INVOICES)
async def show_paper(invoice_id: int) -> Response:
    """The printed invoice as HTML, for the frame beside it."""
    content = await get_invoice_content(invoice_id, visible_to=current_actor())
    html = write_invoice_html(invoice_id, content, settings=settings(), base="/static/")
    return Response(html, content_type="text/html; charset=utf-8")


async def show_record(shown: InvoicePage, **more: Any) -> Response:
    """The page of an invoice that was sent."""
    walk = await walk_list(
        InvoiceFilters,
        lambda filters: find_invoice_neighbours(
            db(),
            shown.invoice.id,
            filters,
            today=business_today(settings().timezone),
            visible_to=current_actor(),
        ),
        list_url=LIST,
        crumb="Invoices",
        found_by="q",
    )
    return await page_or_block(
        "invoices/invoice.html",
        block="invoice_page",
        shown=shown,
        invoice=shown.invoice,
        walk=walk,
        url=f"{LIST}/{shown.invoice.id}",
        terms=TERMS[shown.invoice.payment_terms],
        timeline=make_invoice_timeline(shown.timeline),
        messages=await list_invoice_messages(db(), shown.invoice.id, version=shown.invoice.version),
        reason_words=dict(REASON_WORDS),
        given_words=GIVEN_WORDS,
        **more,
    )
