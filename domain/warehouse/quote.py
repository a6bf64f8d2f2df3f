"""Rates for the parcels of an order, and the carrier's version of its address. Asking for rates buys nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from domain.access.rights import Right, require
from domain.boxes.pack import PackedBox
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import Filled60, Input
from domain.warehouse.address_check import AddressCheck, compare_address
from domain.warehouse.easypost_account import easypost_errors_as_refusals, get_easypost, get_warehouse_address
from domain.warehouse.in_turns import in_turns
from domain.warehouse.label_request import MOST_BOXES, MOST_PARCELS, Parcel, address_of_order
from domain.warehouse.packing import get_packed_order
from domain.warehouse.record import NOT_THE_FLOOR
from integrations.easypost_answers import CheckedAddress, Shipment
from integrations.easypost_client import EasyPostRefused, check_address, create_shipment
from models.session import current_database
from settings import Settings

_PARCEL = re.compile(r"([0-9.]+)x([0-9.]+)x([0-9.]+)x([0-9.]+)", re.ASCII)


class AskRates(Input):
    """The parcels to quote; by default the order's suggested boxes."""

    parcel: Annotated[list[Filled60], Field(max_length=MOST_PARCELS)] = Field(default_factory=list)
    """Length x width x height in inches x weight in ounces, for example `26x18x10x583`; repeat it for each parcel."""


@dataclass(frozen=True, slots=True)
class OfferedRate:
    """The cost of all parcels with one service, in US dollars."""

    carrier: str
    service: str
    rate: Decimal
    delivery_days: int | None
    is_cheapest: bool = False
    is_fastest: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """The rates that are offered for all parcels, cheapest first."""

    rates: Sequence[OfferedRate]
    parcels: Sequence[Parcel]
    address: AddressCheck | None
    messages: Sequence[str] = ()


async def quote_rates(
    order_number: str,
    parcels: Sequence[Parcel] = (),
    *,
    by: Actor,
    settings: Settings,
    customs: Mapping[str, Any] | None = None,
) -> Quote:
    """Return the rates for an order's parcels, or for its suggested boxes; identical parcels are quoted once.

    Raises Refused if the size or weight of a box is unknown.
    """
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    account = get_easypost(settings)
    origin = get_warehouse_address(settings)
    async with current_database().session() as db:
        packed = await get_packed_order(db, order_number, visible_to=by)
    parcels = parcels or parcels_of(packed.boxes)
    destination = address_of_order(packed.order)
    shared: dict[str, Any] = {"from_address": origin, "to_address": destination}
    if customs:
        shared["customs_info"] = dict(customs)

    async def quote(parcel: Parcel) -> Shipment:
        return await create_shipment(account, shared | {"parcel": parcel.as_request()})

    unlike = {parcel.size: parcel for parcel in parcels}
    with easypost_errors_as_refusals():
        quoted = {parcel.size: shipment async for parcel, shipment in in_turns(unlike.values(), quote)}
        shipments = [quoted[parcel.size] for parcel in parcels]
        try:
            checked: CheckedAddress | None = await check_address(account, destination)
        except EasyPostRefused:
            checked = None
    messages = sorted({message for shipment in shipments for message in shipment.messages})
    return Quote(add_up(shipments), parcels, compare_address(packed.order, checked) if checked else None, messages)


def parcels_of(boxes: Sequence[PackedBox]) -> list[Parcel]:
    """Return the suggested boxes as parcels. Raises Refused for too many, or one of unknown size or weight."""
    if sum(box.count for box in boxes) > MOST_BOXES:
        raise Refused(
            f"The order makes more than {MOST_BOXES} parcels. Use your own truck, or ship it in parts.",
            code=Code.PARCELS_UNKNOWN,
        )
    parcels = []
    for box in boxes:
        if box.sides is None or box.weight_oz is None:
            names = ", ".join(content.product_name for content in box.contents)
            raise Refused(
                f"The size or weight is not known for a box with {names}. Measure it or set it for the product.",
                code=Code.PARCELS_UNKNOWN,
            )
        length, width, height = box.sides
        parcel = Parcel(length=length, width=width, height=height, weight=max(box.weight_oz, Decimal("0.1")))
        parcels += [parcel] * box.count
    return parcels


def read_parcels(texts: Sequence[str]) -> list[Parcel]:
    """Read parcels written as 26x18x10x583. Raises InvalidInput naming each that is not."""
    parcels, bad = [], {}
    for place, text in enumerate(texts):
        found = _PARCEL.fullmatch(text.replace(" ", ""))
        try:
            numbers = [float(part) for part in found.groups()] if found else []
            length, width, height, weight = numbers
            if min(numbers) <= 0 or max(numbers) > 9999:
                raise ValueError(text)
        except ValueError:
            bad[f"parcel.{place}"] = "must be like 26x18x10x583: inches, then ounces"
            continue
        parcels.append(Parcel.model_validate({"length": length, "width": width, "height": height, "weight": weight}))
    if bad:
        raise InvalidInput("Some parcels can't be read.", fields=bad)
    return parcels


def add_up(shipments: Sequence[Shipment]) -> list[OfferedRate]:
    """Return the services offered for every parcel, with their total cost, cheapest first."""
    found: list[dict[tuple[str, str], tuple[Decimal, int | None]]] = []
    for shipment in shipments:
        offered: dict[tuple[str, str], tuple[Decimal, int | None]] = {}
        for rate in sorted(shipment.rates, key=lambda each: each.rate, reverse=True):
            offered[rate.carrier, rate.service] = (rate.rate, rate.delivery_days)
        found.append(offered)
    shared = set(found[0]).intersection(*found[1:]) if found else set()
    rates = []
    for name in shared:
        days = [offered[name][1] for offered in found]
        known = [each for each in days if each is not None]
        total = sum((offered[name][0] for offered in found), Decimal(0))
        rates.append(OfferedRate(*name, total, max(known) if len(known) == len(days) else None))
    rates.sort(key=lambda rate: (rate.rate, rate.delivery_days or 99, rate.carrier, rate.service))
    timed = [rate.delivery_days for rate in rates if rate.delivery_days is not None]
    fastest = min(timed, default=None)
    # Of several equally fast ones, the first is the cheapest.
    quick = next((rate for rate in rates if rate.delivery_days == fastest and fastest is not None), None)
    return [
        OfferedRate(rate.carrier, rate.service, rate.rate, rate.delivery_days, place == 0, rate is quick)
        for place, rate in enumerate(rates)
    ]


def show_quote(quote: Quote) -> dict[str, Any]:
    """Return a quote as API answers show it."""
    return {
        "rates": quote.rates,
        "parcels": [parcel.model_dump() for parcel in quote.parcels],
        "address": quote.address,
        "messages": list(quote.messages),
    }
