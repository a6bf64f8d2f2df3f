"""The pick list for the selected orders, worked by scanning on a phone or on paper; then the orders are ready to
pack."""

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response

from documents.filters import format_plural, with_query
from domain.access.rights import Right
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Filled60, Input, Text200
from domain.order_desk.packing_slip import draw_barcode
from domain.warehouse.label_files import print_labels
from domain.warehouse.label_rows import list_label_ids
from domain.warehouse.pick_list import PickList, finish_pick_list, make_pick_list
from domain.warehouse.pick_take import Picked, PickKind, put_back, take_scanned, take_stop
from domain.warehouse.promise import promised_at
from models.session import current_database
from portal.render import lead_back, page_or_block, redirect_to
from portal.warehouse.queue import QUEUE
from web.guards import staff_page
from web.papers import answer_pdf
from web.reading import read_form_body, reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_pick_list", __name__)
LIST = f"{QUEUE}/pick-list"


class PickListQuery(Input):
    """The numbers of the orders to pick; without any, the page redirects to the queue."""

    order: Annotated[list[Filled60], Field(max_length=200)] = Field(default_factory=list)


class PickOrders(Input):
    """The numbers of the orders that are picked."""

    order: Annotated[list[Filled60], Field(min_length=1, max_length=200)]


class PickScan(PickOrders):
    """The scanned code, or the pressed button: `take:SKU`, `short:SKU`, `back:SKU`."""

    code: Text200 = ""
    act: Text200 = ""


@blueprint.get(LIST)
@staff_page(Right.PACK_ORDERS)
@reads_query(PickListQuery)
async def show_pick_list(query: PickListQuery) -> Response:
    """The bins, items and totes."""
    if not query.order:
        return await lead_back(QUEUE)
    return await _show(query.order)


@blueprint.post(f"{LIST}/scan")
@staff_page(Right.PACK_ORDERS)
async def scan_pick_list() -> Response:
    """Take a scanned item; Enter on a finished list hands the orders on to packing."""
    data = await read_form_body(PickScan)
    found = await make_pick_list(db(), data.order, visible_to=current_actor())
    picked = await _pick(found, data)
    if picked.kind is PickKind.ORDER:
        return await redirect_to(f"{QUEUE}/{picked.order_number}")
    if picked.kind is PickKind.ENTER and found.is_done:
        return await _finish(data.order)
    return await _show(data.order, picked)


@blueprint.post(LIST)
@staff_page(Right.PACK_ORDERS)
async def finish_picking() -> Response:
    """Mark the orders as picked."""
    return await _finish((await read_form_body(PickOrders)).order)


@blueprint.get(f"{QUEUE}/labels.pdf")
@staff_page(Right.BUY_LABELS)
@reads_query(PickListQuery)
async def show_labels(query: PickListQuery) -> Response:
    """The labels of the orders as one PDF."""
    if not query.order:
        return await lead_back(QUEUE)
    async with current_database().reading() as connection:
        ids = await list_label_ids(connection, query.order)
    return answer_pdf(await print_labels(ids), "labels.pdf")


async def _pick(found: PickList, data: PickScan) -> Picked:
    # Enter in the field also presses the first button: a scanned code takes precedence.
    act, _, key = data.act.partition(":")
    if data.code or not key:
        return await take_scanned(db(), found, data.code, by=current_actor())
    match act:
        case "take" | "short":
            return await take_stop(db(), found, key, by=current_actor(), is_there=act == "take")
        case "back":
            return await put_back(db(), found, key)
    raise NotFound("There is no such action.")


async def _finish(numbers: list[str]) -> Response:
    done = await finish_pick_list(db(), numbers, by=current_actor())
    return await redirect_to(f"{QUEUE}?stage=to_pack", toast=f"{format_plural(done, 'order')} picked")


async def _show(numbers: list[str], picked: Picked | None = None) -> Response:
    found = await make_pick_list(db(), numbers, visible_to=current_actor())
    return await page_or_block(
        "warehouse/pick_list.html",
        block="pick_list",
        status=422 if picked is not None and picked.is_wrong else 200,
        found=found,
        picked=picked,
        now_at=found.left[0] if found.left else None,
        url=LIST + with_query({"order": [tote.order_number for tote in found.totes]}),
        promises={tote.order_number: promised_at(tote.placed_at, settings().timezone) for tote in found.totes},
        barcodes={tote.order_number: draw_barcode(tote.order_number) for tote in found.totes},
        made_at=now(),
    )
