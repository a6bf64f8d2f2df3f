"""The pick list over the ticked orders, on a phone and on paper; done, they are to be packed."""

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response

from documents.filters import format_plural
from domain.access.rights import Right
from domain.kernel.inputs import Filled60, Input
from domain.warehouse.label_files import print_labels
from domain.warehouse.label_rows import list_label_ids
from domain.warehouse.pick_list import finish_pick_list, make_pick_list
from portal.render import page_or_block, redirect_to
from portal.warehouse.queue import QUEUE
from web.guards import staff_page
from web.papers import answer_pdf
from web.reading import read_form_body, reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_pick_list", __name__)


class PickListQuery(Input):
    """The numbers of the orders to pick."""

    order: Annotated[list[Filled60], Field(min_length=1, max_length=200)]


@blueprint.get(f"{QUEUE}/pick-list")
@staff_page(Right.PACK_ORDERS)
@reads_query(PickListQuery)
async def show_pick_list(query: PickListQuery) -> Response:
    """What to take from where, into which tote."""
    found = await make_pick_list(db(), query.order, visible_to=current_actor())
    return await page_or_block("warehouse/pick_list.html", block="pick_list", found=found)


@blueprint.post(f"{QUEUE}/pick-list")
@staff_page(Right.PACK_ORDERS)
async def finish_picking() -> Response:
    """Note that the orders are picked."""
    data = await read_form_body(PickListQuery)
    done = await finish_pick_list(db(), data.order, by=current_actor())
    return await redirect_to(f"{QUEUE}?stage=to_pack", toast=f"{format_plural(done, 'order')} picked")


@blueprint.get(f"{QUEUE}/labels.pdf")
@staff_page(Right.BUY_LABELS)
@reads_query(PickListQuery)
async def show_labels(query: PickListQuery) -> Response:
    """The labels of the orders as one PDF."""
    ids = await list_label_ids(db(), query.order)
    return answer_pdf(await print_labels(db(), ids), "labels.pdf")
