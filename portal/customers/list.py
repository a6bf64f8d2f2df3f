"""The list of customers: tabs, search and sort, acts on several at once, and the same rows as CSV."""

from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_plural, with_query
from domain.access.rights import Right, may
from domain.customers.browse import BrowseCustomers, browse_customers
from domain.customers.export import export_list
from domain.customers.list_customers import CustomerTab
from domain.kernel.whole_numbers import read_ids
from models.session import current_database
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_customers", __name__)
LIST = "/portal/customers"
TAB_WORDS = {
    CustomerTab.ALL: "All", CustomerTab.OVERDUE: "Overdue", CustomerTab.OVER_LIMIT: "Over limit",
    CustomerTab.NET30: "Net 30", CustomerTab.DO_NOT_CALL: "Do not call",
}  # fmt: skip


@blueprint.get(LIST)
@staff_page(Right.SEE_CUSTOMERS)
@reads_query(BrowseCustomers)
async def show_customers(query: BrowseCustomers) -> Response:
    """The list, or the block of it that changed."""
    async with current_database().reading() as connection:
        found = await browse_customers(connection, query, timezone=settings().timezone)
    return await page_or_block(
        "customers/list.html",
        block="customer_table",
        page=found.page,
        found=found,
        filters=query,
        tabs=_make_tabs(query, found.counts),
    )


@blueprint.get("/portal/customers.csv")
@staff_page(Right.EXPORT_CUSTOMER_LIST)
@reads_query(BrowseCustomers)
async def download_customers(query: BrowseCustomers) -> Response:
    """What the list shows as CSV, for the order desk at most 1,000 rows."""
    body = await export_list(db(), query.as_list(), query.tab, timezone=settings().timezone, by=current_actor())
    response = Response(body, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="customers.csv"'
    return response


@blueprint.post(f"{LIST}/bulk")
@staff_page(Right.SEE_CUSTOMERS)
async def act_on_several() -> Response:
    """Merge two ticked customers, or ask before several are deleted."""
    form = await request.form
    ids = read_ids(form.getlist("customer"))[:200]
    if form.get("act") == "merge" and may(current_actor(), Right.MERGE_CUSTOMERS):
        if len(ids) != 2:
            return await redirect_to(LIST, toast="Tick exactly two customers to merge them")
        return await redirect_to(f"{LIST}/merge?keep={ids[0]}&merge={ids[1]}")
    return await redirect_to(LIST, toast=f"Nothing was done with {format_plural(len(ids), 'customer')}")


def _make_tabs(query: BrowseCustomers, counts: dict[str, str]) -> list[dict[str, Any]]:
    kept = {name: values for name, values in request.args.to_dict(flat=False).items() if name != "page"}
    return [
        {
            "word": word,
            "url": LIST + with_query(kept, tab=tab.value if tab is not CustomerTab.ALL else None).rstrip("?"),
            "count": counts[tab.value],
            "current": query.tab is tab,
        }
        for tab, word in TAB_WORDS.items()
    ]
