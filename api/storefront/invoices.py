"""The signed-in customer's own invoices."""

from datetime import date
from typing import Any

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from api.schemas.base import Answer, MoneyOut, TimeOut
from documents.invoice_pdf import render_statement
from domain.invoices.own_invoices import list_own_invoices, pay_url_of
from domain.invoices.papers import name_file
from domain.invoices.statement import get_statement_of_customer
from domain.kernel.clock import business_today
from domain.kernel.paging import NewestPageInput
from models.session import current_database
from web.guards import customer_only
from web.papers import answer_pdf
from web.reading import answers, answers_file, reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("storefront_invoices", __name__)
tag_blueprint(blueprint, ["invoices"])


class OwnInvoiceOut(Answer):
    id: int
    invoice_number: str
    status: str
    is_overdue: bool
    """True when the due date is past and a balance is left."""
    due_date: date | None
    total_amount: MoneyOut
    balance: MoneyOut
    order_number: str | None
    po_number: str
    sent_at: TimeOut | None
    pay_link: str | None
    """The page for viewing and paying it; null when nothing is left to pay."""


@blueprint.get("/api/invoices/mine")
@customer_only
@reads_query(NewestPageInput)
@answers(list[OwnInvoiceOut])
async def list_own_invoices_of_customer(query: NewestPageInput) -> Any:
    """The signed-in customer's invoices, newest first, each with its pay link."""
    async with current_database().listing() as connection:
        page = await list_own_invoices(connection, query, visible_to=current_actor())
    now = settings()
    return page.map(
        lambda row: (
            {name: getattr(row, name) for name in OwnInvoiceOut.model_fields if name != "pay_link"}
            | {"pay_link": pay_url_of(row, settings=now)}
        )
    )


@blueprint.get("/api/invoices/mine/statement")
@customer_only
@answers_file("application/pdf")
async def own_statement() -> Response:
    """The signed-in customer's statement as PDF: amounts billed and paid in three months, and what is open today."""
    zone = settings().timezone
    today = business_today(zone)
    statement = await get_statement_of_customer(db(), as_of=today, visible_to=current_actor(), timezone=zone)
    data = await render_statement(statement, settings=settings())
    return answer_pdf(data, name_file(f"Statement {today}", statement.company or statement.name))
