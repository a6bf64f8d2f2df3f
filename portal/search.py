"""The global search: an exact order number opens the order, everything else is listed by kind."""

from typing import Annotated

from pydantic import StringConstraints
from quart import Blueprint, Response

from domain.invoices.find import find_invoice_id, find_invoices
from domain.kernel.inputs import Input
from domain.search.find import find_order_number, search_everything
from models.session import current_database
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, settings

blueprint = Blueprint("portal_search", __name__)


class SearchQuery(Input):
    """The search text."""

    q: Annotated[str, StringConstraints(max_length=200)] = ""


@blueprint.get("/portal/search")
@staff_page()
@reads_query(SearchQuery)
async def show_search(query: SearchQuery) -> Response:
    """The results for the text: one order's page, or lists of orders, customers and products."""
    me = current_actor()
    async with current_database().reading() as connection:
        if number := await find_order_number(connection, query.q, visible_to=me):
            return await redirect_to(f"/portal/orders/{number}")
        if invoice_id := await find_invoice_id(connection, query.q, visible_to=me):
            return await redirect_to(f"/portal/invoices/{invoice_id}")
        found = await search_everything(connection, query.q, visible_to=me, timezone=settings().timezone)
        invoices = await find_invoices(connection, query.q, visible_to=me)
    return await page_or_block(
        "search/search.html", block="search_results", words=query.q, found=found, invoices=invoices
    )
