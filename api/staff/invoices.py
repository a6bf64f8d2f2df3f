"""Invoices for the office: listing, creating, changing, voiding, and PDFs; reps read those of their own customers."""

from typing import Any

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from api.idempotent import idempotent
from api.schemas.invoices import (
    CustomerInvoicesOut,
    DeletedInvoiceOut,
    InvoiceOut,
    InvoiceProductOut,
    show_invoice,
    show_invoices,
)
from documents.invoice_pdf import make_invoice_writer
from domain.access.rights import Right
from domain.invoices import create, edit, queries, void
from domain.invoices.credit_given import FIELD_RIGHTS
from domain.invoices.papers import get_invoice_pdf
from domain.invoices.products import SearchInvoiceProducts, find_invoice_products
from domain.kernel.codes import Code
from domain.kernel.paging import NewestPageInput
from models.session import current_database
from web.guards import staff_only
from web.papers import answer_pdf
from web.reading import answers, answers_file, reads, reads_query, refuses
from web.request import current_actor, db, settings

blueprint = Blueprint("staff_invoices", __name__)
tag_blueprint(blueprint, ["invoices"])


@blueprint.get("/api/invoices")
@staff_only(Right.SEE_INVOICES)
@reads_query(queries.ListInvoices)
@answers(list[InvoiceOut])
async def list_invoices(query: queries.ListInvoices) -> Any:
    """Invoices, newest first, optionally with one status; a sales rep sees those of their own customers and orders."""
    async with current_database().listing() as connection:
        page = await queries.list_invoices(connection, query, visible_to=current_actor())
        items = await queries.list_items(connection, [row.id for row in page.rows])
    return page.map(lambda row: show_invoice(row, items[row.id]))


@blueprint.post("/api/invoices")
@staff_only(Right.EDIT_INVOICES)
@idempotent
@reads(create.CreateInvoice, rights=FIELD_RIGHTS)
@answers(InvoiceOut, 201)
@refuses(Code.ON_HOLD, Code.ORDER_CANCELLED, Code.ORDER_INVOICED, Code.TERMS_NOT_COVERED)
async def create_invoice(data: create.CreateInvoice) -> Any:
    """Create an invoice as a draft, or send it at once; `order_number` creates it from an order."""
    invoice = await create.create_invoice(db(), data, by=current_actor(), timezone=settings().timezone)
    return await read_whole_invoice(invoice.id)


@blueprint.get("/api/invoices/<id:id>")
@staff_only(Right.SEE_INVOICES)
@answers(InvoiceOut)
async def get_invoice(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """One invoice with its lines."""
    return await read_whole_invoice(id)


@blueprint.put("/api/invoices/<id:id>")
@staff_only(Right.EDIT_INVOICES)
@reads(edit.UpdateInvoice, rights=FIELD_RIGHTS)
@answers(InvoiceOut)
@refuses(
    Code.INVOICE_FOLLOWS_ORDER,
    Code.INVOICE_PAID,
    Code.INVOICE_VOID,
    Code.ON_HOLD,
    Code.ORDER_CANCELLED,
    Code.PAID_MORE,
    Code.STATE_NOT_ALLOWED,
    Code.TERMS_NOT_COVERED,
)
async def update_invoice(id: int, data: edit.UpdateInvoice) -> Any:  # noqa: A002
    """Change an invoice: a draft directly, a sent one by a revision; the amounts of a paid one can't change."""
    await edit.update_invoice(db(), id, data, by=current_actor(), timezone=settings().timezone)
    return await read_whole_invoice(id)


@blueprint.delete("/api/invoices/<id:id>")
@staff_only(Right.EDIT_INVOICES)
@answers(DeletedInvoiceOut)
@refuses(Code.CREDIT_TOO_LARGE)
async def delete_invoice(id: int) -> Any:  # noqa: A002
    """Delete a draft; a sent or paid invoice is voided instead, and the message says so."""
    return {"message": await void.delete_invoice(db(), id, by=current_actor())}


@blueprint.get("/api/invoices/<id:id>/pdf")
@staff_only(Right.SEE_INVOICES)
@answers_file("application/pdf")
async def invoice_pdf(id: int) -> Response:  # noqa: A002
    """The invoice as PDF, as it was last sent; a draft in its current state."""
    paper = await get_invoice_pdf(id, visible_to=current_actor(), write_pdf=make_invoice_writer(settings()))
    return answer_pdf(paper.data, paper.filename)


@blueprint.get("/api/invoices/products")
@staff_only(Right.SEE_INVOICES)
@reads_query(SearchInvoiceProducts)
@answers(list[InvoiceProductOut])
async def search_invoice_products(query: SearchInvoiceProducts) -> Any:
    """Active products for invoice lines, best matches first."""
    async with current_database().raw_reading() as connection:
        return await find_invoice_products(connection, query)


@blueprint.get("/api/invoices/customers/<id:id>/orders")
@staff_only(Right.SEE_INVOICES)
@reads_query(NewestPageInput)
@answers(CustomerInvoicesOut)
async def customer_invoices(id: int, query: NewestPageInput) -> Any:  # noqa: A002
    """A customer's invoices, newest first, including those with their email or phone."""
    async with current_database().listing() as connection:
        page = await queries.list_customer_invoices(connection, id, query, visible_to=current_actor())
        items = await queries.list_items(connection, [row.id for row in page.rows])
    return {"orders": show_invoices(page.rows, items)}


async def read_whole_invoice(invoice_id: int) -> dict[str, Any]:
    """The invoice after an act, read in the act's own transaction."""
    row = await queries.get_invoice(db(), invoice_id, visible_to=current_actor())
    items = await queries.list_items(db(), [invoice_id])
    return show_invoice(row, items[invoice_id])
