"""The warehouse queue: orders to ship, oldest promise first; a scanned slip opens its order, N the next one."""

from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint, Response

from documents.filters import format_plural, with_query
from domain.access.rights import Right
from domain.kernel.errors import DomainError, NotFound
from domain.kernel.inputs import Filled60, Input, Text200
from domain.warehouse.batch import StartBatch, start_batch
from domain.warehouse.batch_page import find_open_batch
from domain.warehouse.floor import DayCounts, FloorQuery, Stage, show_floor
from domain.warehouse.moves import ShipOrder, ship_order
from domain.warehouse.next_order import find_next_order, leave_orders
from domain.warehouse.promise import promised_at
from domain.warehouse.scan import find_slip, read_code
from models.session import current_database
from portal.lists import back_to, make_tabs
from portal.render import page_or_block, redirect_to
from portal.warehouse.strip import Part, lay_strip
from portal.warehouse.words import STAGES, name_groups, write_pickup, write_promise
from web.guards import staff_page
from web.reading import read_form_body, reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_warehouse", __name__)
QUEUE = "/portal/warehouse"
TABS = (
    (Stage.ALL, "All", "active"),
    (Stage.TO_PICK, "To pick", "to_pick"),
    (Stage.TO_PACK, "To pack", "to_pack"),
    (Stage.TO_SHIP, "To ship", "to_ship"),
    (Stage.SHORT, "Short", "short"),
)
# The fill of each share in the day's strip.
STRIP = (
    ("good-fill", "shipped_today", "shipped", Stage.SHIPPED_TODAY),
    ("part-1", "to_ship", "to ship", Stage.TO_SHIP),
    ("part-2", "to_pack", "to pack", Stage.TO_PACK),
    ("part-3", "to_pick", "to pick", Stage.TO_PICK),
    ("late-2", "short", "short", Stage.SHORT),
)


class QueueScan(Input):
    """The scanned code, or the pressed button."""

    code: Text200 = ""
    act: Text200 = ""


class ChosenNumbers(Input):
    """The selected orders and the bulk act."""

    order: Annotated[list[Filled60], Field(min_length=1, max_length=200)]
    act: Filled60


@blueprint.get(QUEUE)
@staff_page(Right.PACK_ORDERS)
@reads_query(FloorQuery)
async def show_queue(query: FloorQuery) -> Response:
    """The queue, or the block of it that changed."""
    return await _show(query)


@blueprint.post(f"{QUEUE}/scan")
@staff_page(Right.PACK_ORDERS)
async def scan_slip() -> Response:
    """Open the order whose slip was scanned, or the next one."""
    data = await read_form_body(QueueScan)
    code, _ = read_code(data.code)
    # Enter in the field also presses the first button, Start: a scanned code takes precedence.
    if not code:
        following = await find_next_order(db(), by=current_actor())
        if following is None:
            return await redirect_to(QUEUE, toast="Nothing waits to be packed")
        return await redirect_to(f"{QUEUE}/{following.order_number}")
    number = await find_slip(db(), code)
    if number is not None:
        return await redirect_to(f"{QUEUE}/{number}")
    return await _show(FloorQuery(), wrong=code)


@blueprint.post(f"{QUEUE}/bulk")
@staff_page(Right.PACK_ORDERS)
async def act_on_queue() -> Response:
    """Print slips, open a pick list, buy labels or ship the selected orders."""
    data = await read_form_body(ChosenNumbers)
    back = back_to(QUEUE)
    match data.act:
        case "slips":
            return await redirect_to("/portal/orders/slips" + with_query({"order": data.order}))
        case "pick":
            return await redirect_to(f"{QUEUE}/pick-list" + with_query({"order": data.order}))
        case "labels":
            batch_id = await start_batch(db(), StartBatch(order=data.order), by=current_actor())
            return await redirect_to(f"{QUEUE}/labels/{batch_id}")
        case "print":
            return await redirect_to(f"{QUEUE}/labels.pdf" + with_query({"order": data.order}))
        case "ship":
            return await redirect_to(back, toast=await _ship(data.order))
    raise NotFound("There is no such action.")


async def _ship(numbers: list[str]) -> str:
    """Ship each possible order in its own savepoint; report the first refusal with its reason."""
    done, refused = 0, ""
    for number in sorted(numbers):
        try:
            async with db().begin_nested():
                company = settings().company_name
                await ship_order(db(), number, ShipOrder(), by=current_actor(), company_name=company)
        except DomainError as refusal:
            refused = refused or f", but {number} not: {refusal.message}"
        else:
            done += 1
    return f"{format_plural(done, 'order')} shipped{refused}"


async def _show(query: FloorQuery, wrong: str = "") -> Response:
    me, zone = current_actor(), settings().timezone
    await leave_orders(db(), by=me)
    async with current_database().session() as reading:
        floor = await show_floor(reading, query, visible_to=me, timezone=zone)
        following = await find_next_order(reading, by=me)
        open_batch = await find_open_batch(reading)
    return await page_or_block(
        "warehouse/queue.html",
        block=("queue_table", "queue_head"),
        status=422 if wrong else 200,
        floor=floor,
        page=floor.page,
        groups=name_groups(list(floor.groups), zone),
        counts=floor.counts,
        stages=STAGES,
        stage=query.stage,
        q=query.q,
        tabs=make_tabs(
            QUEUE,
            "stage",
            [(stage, word, getattr(floor.counts, name)) for stage, word, name in TABS],
            query.stage,
            keep=(),
        ),
        strip=_make_strip(floor.counts),
        pickup=write_pickup(zone),
        following=following,
        following_by=write_promise(promised_at(following.created_at, zone), zone) if following else None,
        wrong=wrong,
        open_batch=open_batch,
        has_labels=bool(settings().easypost_api_key),
    )


def _make_strip(counts: DayCounts) -> list[dict[str, Any]]:
    """The parts of the day's strip, as wide as their shares."""
    parts = [
        Part(fill, getattr(counts, name), word, f"{QUEUE}?stage={stage.value}") for fill, name, word, stage in STRIP
    ]
    return lay_strip(parts)
