"""For bookkeepers: customer statements, and the month's close with its journal."""

import asyncio
from datetime import date

from quart import Blueprint, Response

from documents.filters import format_plural, with_query
from documents.invoice_pdf import render_statement
from domain.access.rights import Right
from domain.invoices.close import get_month_close
from domain.invoices.journal import JournalBy, JournalSums, get_journal, write_journal
from domain.invoices.month_proof import ask_for_proof
from domain.invoices.papers import name_file
from domain.invoices.statement import Statement, first_of_statement, get_statement
from domain.invoices.statement_mail import mail_statements
from domain.kernel.clock import add_months, business_today, first_of_month, last_of_close
from domain.kernel.inputs import DateIn, Input
from models import Channel
from models.session import current_database
from portal.invoices.list import LIST
from portal.outgoing import say_leaving
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.papers import answer_pdf
from web.reading import reads_query
from web.request import current_actor, db, settings
from web.streams import answer_file

blueprint = Blueprint("portal_books", __name__)
# Each kind of open work: its icon, noun (singular, plural), text, the URL of its rows, the act, and its done text.
WORK_WORDS = {
    "shipped": (
        "file-invoice", "order not invoiced", "orders not invoiced", "Shipped on net 30", "/portal/invoices/week",
        "Invoice", "Shipped orders all invoiced",
    ),
    "unmatched": (
        "cash", "payment not matched", "payments not matched", "Paid over", "/portal/orders?attention=true", "Match",
        "Payments all matched",
    ),
    "on_hold": (
        "hand-stop", "order on hold", "orders on hold", "Held", "/portal/orders?on_hold=true", "Review",
        "No order on hold",
    ),
    "drafts": (
        "pencil", "draft not sent", "drafts not sent", "Typed in", "/portal/invoices?status=draft", "Open",
        "Drafts all sent or deleted",
    ),
    "checks": (
        "eye-check", "check to review", "checks to review", "Photographed", "/portal/checks", "Review",
        "Check photos reviewed",
    ),
}  # fmt: skip
KIND_WORDS = {
    "invoice": "Invoices",
    "void": "Voided invoices",
    "credit": "Credit memos",
    "allowance": "Allowances",
    "payment": "Payments",
    "refund": "Given back",
    "matched": "Paid before the invoice",
    "unmatched": "Payments of voided invoices",
}


class StatementQuery(Input):
    """The days of a statement; by default three months up to today."""

    since: DateIn | None = None
    as_of: DateIn | None = None


class MonthQuery(Input):
    """Any day of the month to close (by default last month), and the grouping of its journal."""

    of: DateIn | None = None
    by: JournalBy = JournalBy.KIND


@blueprint.get(f"{LIST}/statement/<id:customer_id>")
@staff_page(Right.SEE_INVOICES)
@reads_query(StatementQuery)
async def show_statement(customer_id: int, query: StatementQuery) -> Response:
    """A customer's statement as PDF."""
    statement = await read_statement(customer_id, query)
    data = await render_statement(statement, settings=settings())
    return answer_pdf(data, name_file(f"Statement {statement.as_of}", statement.company or statement.name))


@blueprint.post(f"{LIST}/statements")
@staff_page(Right.EDIT_INVOICES)
async def send_statements() -> Response:
    """Email statements to all customers with open amounts."""
    sent = await mail_statements(db(), as_of=business_today(settings().timezone), by=current_actor())
    leaving = await say_leaving(Channel.EMAIL, "", plural=sent != 1)
    return await redirect_to(f"{LIST}/close", toast=f"{format_plural(sent, 'statement')} {leaving}")


@blueprint.get(f"{LIST}/close")
@staff_page(Right.SEE_PROFIT)
@reads_query(MonthQuery)
async def show_close(query: MonthQuery) -> Response:
    """A month with its open work, its receivables and its journal."""
    today = business_today(settings().timezone)
    month = first_of_month(query.of or add_months(today, -1))
    async with current_database().reporting() as connection:
        close = await get_month_close(connection, month, visible_to=current_actor(), timezone=settings().timezone)
    sums = close.journal.sum_up(query.by)
    months = [first_of_month(add_months(today, -back)) for back in (3, 2, 1, 0)]
    return await page_or_block(
        "invoices/close.html",
        block="close_page",
        close=close,
        work_words=WORK_WORDS,
        kind_words=KIND_WORDS,
        sums=_order_sums(sums, query.by),
        by=query.by.value,
        url=_close_url(close.month, query.by),
        ways=[
            {"word": way.value.capitalize(), "url": _close_url(close.month, way), "current": way is query.by}
            for way in JournalBy
        ],
        months=[
            {
                "word": f"{one:%b} so far" if one == months[-1] else f"{one:%b}",
                "url": _close_url(one, query.by),
                "current": one == close.month,
            }
            for one in months
        ],
    )


@blueprint.post(f"{LIST}/close/proof")
@staff_page(Right.SEE_PROFIT)
@reads_query(MonthQuery)
async def ask_proof(query: MonthQuery) -> Response:
    """Have the worker recount a month from all invoices and payments."""
    month = first_of_month(query.of or add_months(business_today(settings().timezone), -1))
    await ask_for_proof(db(), month, by=current_actor())
    return await redirect_to(_close_url(month, query.by), toast=f"Counting {month:%B} again")


def _order_sums(sums: list[JournalSums], by: JournalBy) -> list[JournalSums]:
    """The kinds in display order, invoices before payments."""
    return sorted(sums, key=lambda each: [*KIND_WORDS].index(str(each.group))) if by is JournalBy.KIND else sums


def _close_url(month: date, by: JournalBy) -> str:
    return f"{LIST}/close" + with_query({"of": month, "by": "" if by is JournalBy.KIND else by.value})


@blueprint.get(f"{LIST}/journal.csv")
@staff_page(Right.SEE_PROFIT)
@reads_query(MonthQuery)
async def download_journal(query: MonthQuery) -> Response:
    """The journal of a month as CSV, with each day's totals; debits equal credits."""
    zone = settings().timezone
    month = first_of_month(query.of or add_months(business_today(zone), -1))
    async with current_database().reporting() as connection:
        found = await get_journal(
            connection, month, last_of_close(month, zone), visible_to=current_actor(), timezone=zone
        )
    journal = await asyncio.to_thread(write_journal, found)
    return answer_file(journal, f"journal-{month:%Y-%m}.csv")


async def read_statement(customer_id: int, query: StatementQuery) -> Statement:
    """The statement for the requested days."""
    as_of: date = query.as_of or business_today(settings().timezone)
    since = query.since or first_of_statement(as_of)
    return await get_statement(
        db(), customer_id, since=since, as_of=as_of, visible_to=current_actor(), timezone=settings().timezone
    )
