"""The customer list: tabs, search and sort, bulk acts, and the same rows as CSV."""

from quart import Blueprint, Response, request

from documents.filters import format_plural
from domain.access.rights import Right, require
from domain.customers.assign import ChosenCustomers, assign_customers
from domain.customers.browse import browse_customers
from domain.customers.duplicates import count_duplicates
from domain.customers.export import MOST_LISTED, export_list
from domain.customers.list_filters import BrowseCustomers, CustomerTab
from domain.invoices.statement_mail import mail_statements
from domain.kernel.addresses import STATES
from domain.kernel.clock import business_today
from models import Channel, PaymentTerms
from models.session import current_database
from portal.lists import back_to, list_rep_choices, make_tabs
from portal.outgoing import say_leaving
from portal.render import doubt_toast, page_or_block, redirect_to
from web.guards import staff_page
from web.reading import read_form_body, reads_query
from web.request import current_actor, db, settings
from web.streams import stream_file

blueprint = Blueprint("portal_customers", __name__)
LIST = "/portal/customers"
TAB_WORDS = {
    CustomerTab.ALL: "All", CustomerTab.OVERDUE: "Overdue", CustomerTab.OVER_LIMIT: "Over limit",
    CustomerTab.LATE_TO_ORDER: "Late to order", CustomerTab.GOOD: "Good", CustomerTab.DO_NOT_CALL: "Do not call",
}  # fmt: skip
TERMS_WORDS = [("", "Any terms"), (PaymentTerms.NET30, "Net 30"), (PaymentTerms.PREPAID, "Prepaid")]
LAST_WORDS = [
    ("", "Any last order"), ("7", "In the last 7 days"), ("30", "In the last 30 days"), ("over30", "None for 30 days"),
    ("over90", "None for 90 days"), ("never", "Never ordered"),
]  # fmt: skip
STATE_WORDS = [("", "Any state"), *((code, code) for code in STATES)]
ACT_RIGHTS = {
    "merge": Right.MERGE_CUSTOMERS,
    "assign": Right.SET_TERMS,
    "statements": Right.EDIT_INVOICES,
}


@blueprint.get(LIST)
@staff_page(Right.SEE_CUSTOMERS)
@reads_query(BrowseCustomers)
async def show_customers(query: BrowseCustomers) -> Response:
    """The list, or the block of it that changed."""
    found = await browse_customers(db(), query, timezone=settings().timezone)
    duplicates = await count_duplicates(db())
    return await page_or_block(
        "customers/list.html",
        block="customer_table",
        page=found.page,
        found=found,
        duplicates=duplicates,
        filters=query,
        tabs=make_tabs(
            LIST, "tab", [(tab, word, found.counts[tab.value]) for tab, word in TAB_WORDS.items()], query.tab
        ),
        reps=[("", "Any rep"), ("none", "Nobody’s"), *await list_rep_choices()],
        terms_words=TERMS_WORDS,
        last_words=LAST_WORDS,
        state_words=STATE_WORDS,
        most_in_csv=MOST_LISTED,
    )


@blueprint.get("/portal/customers.csv")
@staff_page(Right.EXPORT_CUSTOMER_LIST)
@reads_query(BrowseCustomers)
async def download_customers(query: BrowseCustomers) -> Response:
    """The list's rows as CSV, streamed; for the order desk at most 1,000 rows."""
    pieces = await export_list(db(), current_database(), query, timezone=settings().timezone, by=current_actor())
    return await stream_file(pieces, "customers.csv")


@blueprint.post(f"{LIST}/bulk")
@staff_page(Right.SEE_CUSTOMERS)
async def act_on_several() -> Response:
    """Merge two selected customers, email statements, or assign customers to a rep after asking for the rep."""
    act = (await request.form).get("act", "")
    require(current_actor(), ACT_RIGHTS.get(act, Right.SET_TERMS), "Your role can't do this with customers.")
    data = await read_form_body(ChosenCustomers)
    back = back_to(LIST)
    if act == "statements":
        today = business_today(settings().timezone)
        sent = await mail_statements(db(), as_of=today, by=current_actor(), customer_ids=data.customer)
        return await redirect_to(back, toast=await _describe_sent(sent, len(data.customer)))
    if act == "merge":
        if len(data.customer) != 2:
            return await redirect_to(back, toast="Select exactly two customers to merge them")
        return await redirect_to(f"{LIST}/merge?keep={data.customer[0]}&merge={data.customer[1]}")
    return await _assign(data, back)


async def _assign(data: ChosenCustomers, back: str) -> Response:
    """Assign the selected customers to a rep; without a rep, ask for one."""
    if not data.sales_rep_id:
        return await page_or_block(
            "customers/assign.html",
            block="dialog",
            title=f"Assign {format_plural(len(data.customer), 'customer')}",
            customers=data.customer,
            url=request.full_path.rstrip("?"),
            back_url=back,
            reps=[*await list_rep_choices(), ("none", "Nobody")],
        )
    changed = await assign_customers(db(), data.customer, data.sales_rep_id, by=current_actor())
    return await redirect_to(back, toast=f"{format_plural(changed, 'customer')} assigned")


async def _describe_sent(sent: int, chosen: int) -> str:
    if not sent:
        doubt_toast()
        return "No statements sent: none has both an open invoice and an email"
    rest = f", {chosen - sent} without an open invoice or email" if sent < chosen else ""
    return f"{format_plural(sent, 'statement')} {await say_leaving(Channel.EMAIL, '', plural=sent != 1)}{rest}"
