"""The packing screen: scan the items, buy the label, and the next order opens automatically."""

from typing import Any

from quart import Blueprint, Response

from documents.filters import format_plural, with_query
from domain.access.rights import Right
from domain.kernel.addresses import HOME_COUNTRY
from domain.kernel.codes import Code
from domain.kernel.errors import DomainError, NotFound
from domain.kernel.inputs import Filled60, Input, Text60, Text200
from domain.kernel.whole_numbers import read_whole
from domain.order_desk.short_pick import ShipShort, ship_short
from domain.warehouse import scan
from domain.warehouse.address_check import correct_address
from domain.warehouse.customs import Contents, read_customs
from domain.warehouse.finish import FinishPack, PackParcel, ShipTyped, finish_pack, ship_typed
from domain.warehouse.floor import count_day
from domain.warehouse.next_order import find_next_order, set_aside, visit_order
from domain.warehouse.packing import PackedOrder, get_packed_order
from domain.warehouse.promise import promised_at
from domain.warehouse.quote import OfferedRate, Quote, quote_rates
from domain.warehouse.scan import CountItem, ScanCode, ScanKind, Scanned
from models import OrderStatus
from models.session import separate_transaction
from portal.attempts import Attempt, attempt, attempt_in_own_transaction, form_status
from portal.render import error_page, page_or_block, redirect_to, wants_block
from portal.warehouse.pack_boxes import (
    change_boxes,
    choose_boxes,
    list_box_choices,
    name_offers,
    read_typed,
    write_refusal,
)
from portal.warehouse.queue import QUEUE
from portal.warehouse.words import write_promise, write_ship_by
from web.guards import staff_page
from web.reading import input_rules, reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_packing", __name__)
ORDER = f"{QUEUE}/<number>"
PACKABLE = frozenset({OrderStatus.PENDING, OrderStatus.CONFIRMED})


class PackScan(ScanCode):
    """A scan with the current line, for a number of units without a code."""

    item: int | None = None


class PackForm(FinishPack):
    """The boxes and the act: buy, get new rates, add or remove a box."""

    act: Text60 = "buy"
    add: Text200 = ""
    rates_later: bool = False


class AskPack(Input):
    """Whether to fetch rates with the page, if there is no JavaScript to fetch them later."""

    rates: Filled60 | None = None


@blueprint.get(ORDER)
@staff_page(Right.PACK_ORDERS)
@reads_query(AskPack)
async def show_pack(number: str, query: AskPack) -> Response:
    """One order on the packing screen."""
    return await _show(number, with_rates=query.rates is not None)


@blueprint.post(f"{ORDER}/scan")
@staff_page(Right.PACK_ORDERS)
async def scan_item(number: str) -> Response:
    """Count a scan; another order's slip opens that order, and Enter on a complete pack buys its label."""
    tried = await attempt_in_own_transaction(PackScan, lambda data: _scan(number, data))
    scanned = tried.result
    if scanned is None:
        return await _show(number, refusal=tried.refusal)
    if scanned.kind is ScanKind.ORDER:
        return await redirect_to(f"{QUEUE}/{scanned.order_number}")
    is_go = scanned.kind in {ScanKind.ENTER, ScanKind.OWN_SLIP}
    if is_go and scanned.is_complete and settings().easypost_api_key:
        # The browser may also send the boxes and the rate beside the scan field.
        chosen = await attempt_in_own_transaction(FinishPack, _take_as_it_is)
        if chosen.result is None:
            return await _show(number, refusal=chosen.refusal)
        return await _buy(number, chosen.result)
    return await _show(number, scanned=scanned)


@blueprint.post(f"{ORDER}/count")
@staff_page(Right.PACK_ORDERS)
async def count_units(number: str) -> Response:
    """One more or one less of a line."""
    tried = await attempt(CountItem, lambda data: scan.count_item(db(), number, data, by=current_actor()))
    return await _show(number, scanned=tried.result, refusal=tried.refusal)


@blueprint.post(f"{ORDER}/label")
@staff_page(Right.BUY_LABELS)
async def buy_label(number: str) -> Response:
    """Buy the labels, mark the order packed, and open the next one; or get new rates for changed boxes."""
    tried = await attempt_in_own_transaction(PackForm, _change_boxes)
    data = tried.result
    if data is None:
        if tried.refusal is not None and wants_block():
            # The boxes stay as they were typed, below an alert.
            return await error_page(tried.status, write_refusal(tried.refusal, tried.typed))
        readable = read_typed(tried.typed, tried.errors, input_rules())
        return await _show(number, refusal=tried.refusal, data=readable, typed=tried.typed)
    if data.act == "buy":
        return await _buy(number, data)
    return await _show(number, data=data, with_rates=data.act == "rates" or not data.rates_later)


@blueprint.post(f"{ORDER}/address")
@staff_page(Right.BUY_LABELS)
async def use_carriers_address(number: str) -> Response:
    """Accept the carrier's spelling of the order's address."""
    try:
        await correct_address(number, by=current_actor(), settings=settings())
    except NotFound:
        raise
    except DomainError as refusal:
        return await _show(number, refusal=refusal)
    return await redirect_to(f"{QUEUE}/{number.upper()}", toast="The address is corrected")


@blueprint.post(f"{ORDER}/ship")
@staff_page(Right.PACK_ORDERS)
async def ship_by_number(number: str) -> Response:
    """Ship with a typed tracking number, or without one."""

    async def ship(data: ShipTyped) -> Any:
        return await ship_typed(db(), number, data, by=current_actor(), company_name=settings().company_name)

    tried = await attempt(ShipTyped, ship)
    if tried.refusal is not None:
        return await _show(number, refusal=tried.refusal, typed=tried.typed)
    return await _go_on(f"{number.upper()} is shipped")


@blueprint.post(f"{ORDER}/aside")
@staff_page(Right.PACK_ORDERS)
async def put_aside(number: str) -> Response:
    """Set the order aside and open the next one."""
    await set_aside(db(), number, by=current_actor())
    return await _go_on(f"{number.upper()} is set aside")


@blueprint.get(f"{ORDER}/short")
@staff_page(Right.PACK_ORDERS)
async def ask_short(number: str) -> Response:
    """Say what would not ship."""
    return await _ask_short(number)


@blueprint.post(f"{ORDER}/short")
@staff_page(Right.PACK_ORDERS)
async def confirm_short_pick(number: str) -> Response:
    """Pack what is available; the rest is deducted from what is owed."""

    async def act(data: ShipShort) -> Any:
        return await ship_short(db(), number, data, by=current_actor(), company_name=settings().company_name)

    tried = await attempt(ShipShort, act)
    if tried.result is None:
        return await _ask_short(number, tried)
    toast = f"{format_plural(tried.result.units, 'item')} short; the customer is notified"
    return await redirect_to(f"{QUEUE}/{number.upper()}", toast=toast)


async def _scan(number: str, data: PackScan) -> Scanned:
    """A number of up to three digits means this many units of the current line."""
    async with separate_transaction() as apart:
        if data.item is not None and (quantity := read_whole(data.code, most=999)):
            counted = CountItem(item_id=data.item, quantity=quantity, scan_key=data.scan_key)
            return await scan.count_item(apart, number, counted, by=current_actor())
        return await scan.scan_code(apart, number, data, by=current_actor())


async def _buy(number: str, data: FinishPack) -> Response:
    try:
        bought = await finish_pack(number, data, by=current_actor(), settings=settings())
    except DomainError as refusal:
        return await _show(number, refusal=refusal, data=data, with_rates=True)
    words = "Label" if len(bought.labels) == 1 else f"{len(bought.labels)} labels"
    return await _go_on(f"{words} bought for {number.upper()}")


async def _go_on(toast: str) -> Response:
    """Open the next order, or the queue if there is none."""
    following = await find_next_order(db(), by=current_actor())
    return await redirect_to(f"{QUEUE}/{following.order_number}" if following else QUEUE, toast=toast)


async def _ask_short(number: str, tried: Attempt[Any] | None = None) -> Response:
    packed = await get_packed_order(db(), number, visible_to=current_actor())
    url = f"{QUEUE}/{packed.order.order_number}"
    return await page_or_block(
        "warehouse/short.html",
        block="dialog",
        status=tried.status if tried else 200,
        packed=packed,
        url=f"{url}/short",
        back_url=url,
        problem=tried.problem if tried else "",
    )


async def _show(
    number: str,
    *,
    scanned: Scanned | None = None,
    refusal: DomainError | None = None,
    data: FinishPack | None = None,
    typed: dict[str, str] | None = None,
    with_rates: bool = False,
) -> Response:
    me, zone = current_actor(), settings().timezone
    packed = await get_packed_order(db(), number, visible_to=me)
    others = await visit_order(db(), packed.order.id, by=me)
    following = await find_next_order(db(), by=me, after=packed.order.id)
    can_buy = bool(settings().easypost_api_key) and not packed.labels
    boxes, problem = choose_boxes(packed, data)
    quote = None
    if with_rates and can_buy and boxes and not refusal:
        quote, problem = await _quote(number, boxes, data)
    is_wrong = refusal is not None or (scanned is not None and scanned.kind in WRONG)
    return await page_or_block(
        "warehouse/pack.html",
        block=("pack_page", "pack_rates", "pack_offers"),
        status=form_status(refusal) if refusal is not None else 422 if is_wrong else 200,
        packed=packed,
        order=packed.order,
        # They are in the bar above, which a scan's answer does not replace.
        day=None if wants_block() else await count_day(db(), visible_to=me, timezone=zone),
        url=f"{QUEUE}/{packed.order.order_number}",
        now_at=_stand_at(packed, scanned),
        others=others,
        following=following,
        following_by=write_promise(promised_at(following.created_at, zone), zone) if following else None,
        ship_by=write_ship_by(promised_at(packed.order.created_at, zone), zone),
        scanned=scanned,
        said=write_refusal(refusal, typed or {}) if refusal else "",
        is_pending=refusal is not None and refusal.code == Code.LABEL_PENDING,
        is_packable=packed.order.status in PACKABLE and not packed.order.on_hold,
        can_buy=can_buy,
        has_easypost=bool(settings().easypost_api_key),
        boxes=boxes,
        pounds=sum(box.pounds for box in boxes) if boxes else None,
        shelf=await list_box_choices(db()) if can_buy else [],
        offers_key=name_offers(packed),
        is_abroad=packed.order.delivery_country != HOME_COUNTRY,
        contents_words=[(each.value, each.value.replace("_", " ").capitalize()) for each in Contents],
        data=data,
        quote=quote,
        offered=[f"{offer.carrier}|{offer.service}" for offer in quote.rates] if quote else [],
        rate=data.rate if data else "",
        chosen=_find_chosen(quote, data.rate if data else ""),
        problem=problem,
        typed=typed or {},
        errors=dict(refusal.fields) if refusal is not None else {},
        rates_url=f"{QUEUE}/{packed.order.order_number}" + with_query({"rates": "1"}),
    )


WRONG = frozenset({ScanKind.WRONG, ScanKind.FULL, ScanKind.UNKNOWN})


async def _take_as_it_is(data: FinishPack) -> FinishPack:
    return data


async def _change_boxes(data: PackForm) -> PackForm:
    """The form with one box more or less, if requested."""
    return data.model_copy(update={"parcels": change_boxes(data.parcels, data.act, data.add)})


async def _quote(number: str, boxes: list[PackParcel], data: FinishPack | None) -> tuple[Quote | None, str]:
    """The rates, or the reason why there are none; the page works without them."""
    me, parcels = current_actor(), [box.as_parcel() for box in boxes]
    try:
        customs = await read_customs(number, parcels, data.customs if data else None, by=me)
        return await quote_rates(number, parcels, by=me, settings=settings(), customs=customs), ""
    except DomainError as error:
        return None, write_refusal(error)


def _find_chosen(quote: Quote | None, rate: str) -> OfferedRate | None:
    """The chosen offer, otherwise the cheapest."""
    offered = quote.rates if quote else ()
    return next((each for each in offered if f"{each.carrier}|{each.service}" == rate), next(iter(offered), None))


def _stand_at(packed: PackedOrder, scanned: Scanned | None) -> int | None:
    """The current line: the one just counted if incomplete, otherwise the first incomplete one."""
    if scanned is not None and scanned.kind is ScanKind.COUNTED and scanned.item is not None and scanned.item.left:
        return scanned.item.id
    return next((item.id for item in packed.items if item.left), None)
