"""The office's invoice list: amounts by age, tabs, filters, and bulk acts."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from quart import Blueprint, Response, request

from documents.filters import format_plural, with_query
from documents.invoice_pdf import make_invoice_writer
from domain.access.rights import Right
from domain.invoices.ageing import AgeBucket
from domain.invoices.export import export_invoices
from domain.invoices.list_page import InvoiceFilters, InvoiceTab, get_invoice_list
from domain.invoices.mail import remind_by_hand
from domain.invoices.papers import join_invoice_pdfs
from domain.kernel.clock import business_today
from domain.kernel.inputs import Id, Input
from domain.kernel.money import ZERO
from models import Channel
from models.session import current_database
from portal.lists import back_to, list_rep_choices, make_tabs
from portal.outgoing import say_leaving
from portal.render import lead_back, page_or_block, redirect_to
from web.exports import audits_export
from web.guards import staff_page
from web.papers import answer_pdf
from web.reading import read_form_body, reads_query
from web.request import current_actor, db, settings
from web.streams import stream_file

blueprint = Blueprint("portal_invoices", __name__)
LIST = "/portal/invoices"
TAB_WORDS = (
    (InvoiceTab.OPEN, "Open"), (InvoiceTab.DRAFT, "Draft"), (InvoiceTab.OVERDUE, "Overdue"),
    (InvoiceTab.PARTLY_PAID, "Part paid"), (InvoiceTab.SENT, "Sent"), (InvoiceTab.PAID, "Paid"),
    (InvoiceTab.VOID, "Void"), (InvoiceTab.ALL, "All"),
)  # fmt: skip
DUE_WORDS = [("", "Due any time"), ("week", "Due this week"), ("month", "Due in 30 days")]
# The chart of ageing buckets: its height, and the minimum height of a bucket that is not empty.
TALL, LEAST = 56.0, 3.0


class ChosenInvoices(Input):
    """The selected invoices and the bulk act."""

    act: Literal["remind", "pay", "pdfs"]
    invoice: Annotated[list[Id], Field(min_length=1, max_length=200)]


class PrintedInvoices(Input):
    """The invoices of one PDF; without any, the page redirects to the list."""

    invoice: Annotated[list[Id], Field(max_length=50)] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AgeColumn:
    """One bucket as drawn: `height` of 56 and `width` of 100, relative to the largest."""

    bucket: AgeBucket
    url: str
    tone: str
    height: float
    width: float
    percent: int


@blueprint.get(LIST)
@staff_page(Right.SEE_INVOICES)
@reads_query(InvoiceFilters)
async def show_invoices(query: InvoiceFilters) -> Response:
    """The list, or the block of it that changed."""
    filters = query.model_copy(update={"per_page": min(query.per_page, 50)})
    async with current_database().listing() as connection:
        listing = await get_invoice_list(
            connection, filters, today=business_today(settings().timezone), visible_to=current_actor()
        )
    return await page_or_block(
        "invoices/list.html",
        block="invoice_list",
        listing=listing,
        page=listing.page,
        filters=filters,
        tabs=make_tabs(
            LIST,
            "status",
            [(tab, word, listing.tabs[tab.value]) for tab, word in TAB_WORDS],
            filters.status,
            keep={"q", "rep_id", "customer_id"},
        ),
        ages=draw_ages(listing.ages),
        due_words=DUE_WORDS,
        reps=[("", "Any rep"), *await list_rep_choices()],
        sort=_sort_word(filters),
        keep={name: request.args.get(name, "") for name in ("status", "age", "late", "customer_id", "sort")},
        page_balance=sum((row.balance for row in listing.page.rows), ZERO),
        is_filtered=any(request.args.get(name) for name in ("q", "due", "rep_id", "age", "late", "customer_id")),
    )


@blueprint.get(f"{LIST}.csv")
@staff_page(Right.SEE_INVOICES)
@reads_query(InvoiceFilters)
@audits_export("invoice")
async def download_invoices(query: InvoiceFilters) -> Response:
    """All invoices that match the filters as CSV, streamed."""
    rows = export_invoices(current_database(), query, visible_to=current_actor(), timezone=settings().timezone)
    return await stream_file(rows, "invoices.csv")


@blueprint.post(f"{LIST}/bulk")
@staff_page(Right.EDIT_INVOICES)
async def act_on_invoices() -> Response:
    """Send reminders for the selected invoices, print them, or ask for a received payment."""
    data = await read_form_body(ChosenInvoices)
    back = back_to(LIST)
    if data.act == "pay":
        return await redirect_to(f"{LIST}/receive" + with_query({"invoice": data.invoice}))
    if data.act == "pdfs":
        return await redirect_to(f"{LIST}/pdfs" + with_query({"invoice": data.invoice}))
    reminded = await remind_by_hand(db(), data.invoice, by=current_actor())
    leaving = await say_leaving(Channel.EMAIL, "", plural=reminded != 1)
    return await redirect_to(back, toast=f"{format_plural(reminded, 'reminder')} {leaving}")


@blueprint.get(f"{LIST}/pdfs")
@staff_page(Right.SEE_INVOICES)
@reads_query(PrintedInvoices)
async def show_invoice_pdfs(query: PrintedInvoices) -> Response:
    """At most 50 selected invoices as one PDF."""
    if not query.invoice:
        return await lead_back(LIST, "invoice")
    write_pdf = make_invoice_writer(settings())
    data = await join_invoice_pdfs(query.invoice, visible_to=current_actor(), write_pdf=write_pdf)
    return answer_pdf(data, "invoices.pdf")


def draw_ages(buckets: list[AgeBucket]) -> list[AgeColumn]:
    """The buckets with their bars, relative to the largest."""
    most = max((bucket.amount for bucket in buckets), default=0) or 1
    owed = sum(bucket.amount for bucket in buckets) or 1
    columns = []
    for place, bucket in enumerate(buckets):
        share = float(bucket.amount / most)
        columns.append(
            AgeColumn(
                bucket,
                LIST + with_query({"age": bucket.age.value}),
                "part-1" if place == 0 else f"late-{place}",
                max(round(TALL * share, 1), LEAST) if bucket.amount else 0.0,
                round(100 * share, 1),
                round(100 * bucket.amount / owed),
            )
        )
    return columns


def _sort_word(filters: InvoiceFilters) -> str:
    if filters.sort is not None:
        return filters.sort.value
    return "due" if filters.status in {InvoiceTab.OPEN, InvoiceTab.OVERDUE} else "-created"
