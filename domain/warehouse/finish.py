"""Finishes a pack: it must be complete, or a manager gives a reason; then its labels are bought and it is packed."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may
from domain.boxes.measures import Inches
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, Refused
from domain.kernel.inputs import Input, MoneyIn, Text60, Text200, Text2000
from domain.orders.record import record_event
from domain.warehouse.buy import BoughtLabels, Client, buy_labels
from domain.warehouse.customs import DeclareGoods, read_customs
from domain.warehouse.label_request import MOST_BOXES, BuyBoxLabels, LabelAddress, Parcel
from domain.warehouse.label_rows import refuse_while_buying
from domain.warehouse.moves import ShipOrder, pack_locked_order, ship_locked_order
from domain.warehouse.packing import get_packed_order, list_pack_items
from domain.warehouse.quote import parcels_of, quote_rates
from domain.warehouse.record import lock_numbered
from domain.warehouse.scan import is_complete
from models import Order, OrderEventKind, OrderStatus
from models.session import current_database, separate_transaction
from settings import Settings

OUNCES_PER_POUND = 16
_OPEN = frozenset({OrderStatus.PENDING, OrderStatus.CONFIRMED})


class PackParcel(Input):
    """One box as the packer weighed it."""

    length: Inches
    """Length in inches."""
    width: Inches
    """Width in inches."""
    height: Inches
    """Height in inches."""
    pounds: Inches
    """Weight in pounds."""
    name: Text60 = ""
    """The name of the box; empty for a box of another size."""
    key: Annotated[int, Field(ge=0, le=9999)] = 0
    """The number of the form row; it does not change when other rows are added or removed."""

    @property
    def shown_pounds(self) -> str:
        """The weight with one decimal, or with two if two were typed."""
        return f"{self.pounds:.2f}".removesuffix("0")

    def as_parcel(self) -> Parcel:
        """Return the parcel with its weight in ounces, as carriers need it."""
        return Parcel(length=self.length, width=self.width, height=self.height, weight=self.pounds * OUNCES_PER_POUND)


class FinishPack(Input):
    """The chosen boxes and rate; by default the suggested boxes and the cheapest rate."""

    parcels: Annotated[list[PackParcel], Field(max_length=MOST_BOXES)] = Field(default_factory=list)
    """The boxes as they were weighed."""
    rate: Text200 = ""
    """Carrier and service separated by `|`."""
    reason: Text2000 = ""
    """Why an incomplete pack is shipped; managers only."""
    insurance: MoneyIn | None = None
    """US dollars for which each parcel is insured."""
    customs: DeclareGoods | None = None
    """The customs declaration; required for a destination outside the US."""


class ShipTyped(Input):
    """A parcel whose label was bought elsewhere."""

    tracking_number: Text60 = ""
    """The tracking number, if there is one."""
    carrier: Text60 = ""
    """The carrier."""
    reason: Text2000 = ""
    """Why an incomplete pack is shipped; managers only."""


async def finish_pack(order_number: str, data: FinishPack, *, by: Actor, settings: Settings) -> BoughtLabels:
    """Buy the labels of a pack and mark it packed. Raises Refused while units are still to be scanned."""
    async with separate_transaction() as db:
        order = await lock_numbered(db, order_number, by=by)
        await _check_complete(db, order, data.reason, by=by)
    parcels = [parcel.as_parcel() for parcel in data.parcels]
    if not parcels:
        async with current_database().session() as db:
            parcels = parcels_of((await get_packed_order(db, order_number, visible_to=by)).boxes)
    customs = await read_customs(order_number, parcels, data.customs, by=by)
    carrier, _, service = data.rate.partition("|")
    if not service:
        carrier, service = await _choose_cheapest(order_number, parcels, customs, by=by, settings=settings)
    wanted = BuyBoxLabels(
        carrier=carrier,
        service=service,
        from_address=LabelAddress(),
        to_address=LabelAddress(),
        parcels=parcels,
        insurance=data.insurance,
        customs_info=customs,
    )
    bought = await buy_labels(order_number, wanted, by=by, settings=settings, client=Client(by.caller), only_first=True)
    async with separate_transaction() as db:
        order = await lock_numbered(db, order_number, by=by)
        if order.status in _OPEN:
            await pack_locked_order(db, order, by=by)
    return bought


async def ship_typed(db: AsyncSession, order_number: str, data: ShipTyped, *, by: Actor, company_name: str) -> Order:
    """Ship a complete pack with a typed tracking number, or without one.

    Raises Refused while a colleague is buying its label, which would be paid for but unused.
    """
    order = await lock_numbered(db, order_number, by=by)
    await refuse_while_buying(db, order)
    await _check_complete(db, order, data.reason, by=by)
    if order.status in _OPEN:
        await pack_locked_order(db, order, by=by)
    shipment = ShipOrder(tracking_number=data.tracking_number or None, carrier=data.carrier or None)
    await ship_locked_order(db, order, shipment, by=by, company_name=company_name)
    return order


async def _check_complete(db: AsyncSession, order: Order, reason: str, *, by: Actor) -> None:
    """Raise Refused unless the pack is complete, or a manager gives a reason."""
    if order.status not in _OPEN:
        return
    items = await list_pack_items(db, order.id)
    if is_complete(items):
        return
    left = sum(item.left for item in items)
    if not reason:
        raise Refused(f"{left:,} still to scan.", code=Code.PACK_INCOMPLETE)
    if not may(by, Right.OVERRIDE_PACKING):
        raise NotAllowed("Only a manager can finish an incomplete pack.")
    await record_event(db, order, OrderEventKind.PACK_OVERRIDDEN, by=by, note=reason)


async def _choose_cheapest(
    order_number: str, parcels: Sequence[Parcel], customs: dict[str, Any] | None, *, by: Actor, settings: Settings
) -> tuple[str, str]:
    offered = await quote_rates(order_number, parcels, by=by, settings=settings, customs=customs)
    if not offered.rates:
        raise Refused(f"No carrier offers a rate. {' '.join(offered.messages)}".strip(), code=Code.RATE_NOT_OFFERED)
    return offered.rates[0].carrier, offered.rates[0].service
