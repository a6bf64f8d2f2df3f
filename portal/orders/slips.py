"""Packing slips as PDF, one order or several in one document."""

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.inputs import Filled60, Input
from portal.render import lead_back
from web.guards import staff_page
from web.papers import answer_slips
from web.reading import reads_query

blueprint = Blueprint("portal_slips", __name__)


class SlipsQuery(Input):
    """The numbers of the orders to print; without any, the page redirects to the list."""

    order: Annotated[list[Filled60], Field(max_length=200)] = Field(default_factory=list)


@blueprint.get("/portal/orders/<number>/slip")
@staff_page(Right.SEE_ORDERS)
async def show_slip(number: str) -> Response:
    """The packing slip of one order."""
    return await answer_slips([number], f"slip-{number}.pdf")


@blueprint.get("/portal/orders/slips")
@staff_page(Right.SEE_ORDERS)
@reads_query(SlipsQuery)
async def show_slips(query: SlipsQuery) -> Response:
    """The packing slips of several orders, each starting on a new page."""
    return await answer_slips(query.order, "slips.pdf") if query.order else await lead_back("/portal/orders")
