"""Packing slips as PDF, one order or several in one document."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response, render_template

from documents.pdf import render_pdf
from domain.access.rights import Right
from domain.kernel.clock import now
from domain.kernel.inputs import Filled60, Input
from domain.order_desk.packing_slip import list_packing_slips
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_slips", __name__)


class SlipsQuery(Input):
    """The numbers of the orders to print."""

    order: Annotated[list[Filled60], Field(min_length=1, max_length=200)]


@blueprint.get("/portal/orders/<number>/slip")
@staff_page(Right.SEE_ORDERS)
async def show_slip(number: str) -> Response:
    """The packing slip of one order."""
    return await _answer_pdf([number], f"slip-{number}.pdf")


@blueprint.get("/portal/orders/slips")
@staff_page(Right.SEE_ORDERS)
@reads_query(SlipsQuery)
async def show_slips(query: SlipsQuery) -> Response:
    """The packing slips of several orders, each on pages of its own."""
    return await _answer_pdf(query.order, "slips.pdf")


async def _answer_pdf(numbers: Sequence[str], filename: str) -> Response:
    slips = await list_packing_slips(db(), numbers, visible_to=current_actor())
    html = await render_template(
        "pdf/packing_slip.html", slips=slips, printed_at=now(), company_address=settings().company_address
    )
    response = Response(await render_pdf(html), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{filename}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
