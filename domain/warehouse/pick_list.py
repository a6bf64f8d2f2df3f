"""A pick list for several orders: each bin once, in walking order, with the units for each order's tote."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.barcodes import names_product
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.orders.queries import list_chosen_orders
from domain.warehouse.moves import confirm_order
from domain.warehouse.packing import PackItem, list_pack_items_of
from models import OrderStatus, PickedLine

MOST_ORDERS = 20


@dataclass(frozen=True, slots=True)
class Tote:
    """One order's tote; `taken` of its `units` are in it."""

    letter: str
    order_number: str
    customer_name: str
    placed_at: datetime
    units: int
    taken: int


@dataclass(frozen=True, slots=True)
class StopLine:
    """The line of one order that is picked at a stop."""

    item_id: int
    order_id: int
    letter: str
    units: int


@dataclass(slots=True)
class Stop:
    """One product at its bin: how many to take, into which totes, and, once visited, how many were `found`."""

    key: str
    bin_location: str
    product_name: str
    product_sku: str
    product_unit_size: str
    barcode: str
    lines: list[StopLine] = field(default_factory=list)
    found: dict[int, int] = field(default_factory=dict)
    by: str = ""

    @property
    def units(self) -> int:
        """The number of units to take."""
        return sum(line.units for line in self.lines)

    @property
    def totes(self) -> dict[str, int]:
        """The number of units for each tote."""
        totes: dict[str, int] = {}
        for line in self.lines:
            totes[line.letter] = totes.get(line.letter, 0) + line.units
        return totes

    @property
    def is_visited(self) -> bool:
        """True once every line was taken or looked for."""
        return all(line.item_id in self.found for line in self.lines)

    @property
    def taken(self) -> int:
        """The number of units in the totes."""
        return sum(min(line.units, self.found.get(line.item_id, 0)) for line in self.lines)

    @property
    def is_short(self) -> bool:
        """True if somebody looked and did not find all units."""
        return self.is_visited and self.taken < self.units

    def is_named(self, code: str) -> bool:
        """Return True for the product's own SKU or barcode, in any spelling."""
        return names_product(code, sku=self.product_sku, barcode=self.barcode)


@dataclass(frozen=True, slots=True)
class PickList:
    """What to take from which bin for which order."""

    totes: Sequence[Tote]
    stops: Sequence[Stop]

    @property
    def units(self) -> int:
        """The number of units to take."""
        return sum(stop.units for stop in self.stops)

    @property
    def taken(self) -> int:
        """The number of units in the totes."""
        return sum(stop.taken for stop in self.stops)

    @property
    def left(self) -> list[Stop]:
        """The stops not visited yet, in walking order."""
        return [stop for stop in self.stops if not stop.is_visited]

    @property
    def is_done(self) -> bool:
        """True once every bin was visited."""
        return not self.left


async def make_pick_list(db: AsyncSession, order_numbers: Sequence[str], *, visible_to: Actor) -> PickList:
    """Return the pick list for these orders, at most twenty. Raises NotFound if none of them is to be picked."""
    chosen = await list_chosen_orders(db, order_numbers[:MOST_ORDERS], visible_to=visible_to)
    orders = [order for order in chosen if order.status in {OrderStatus.PENDING, OrderStatus.CONFIRMED}]
    if not orders:
        raise NotFound("None of these orders needs picking.")
    items = await list_pack_items_of(db, [order.id for order in orders])
    stops: dict[str, Stop] = {}
    for place, order in enumerate(orders):
        for item in items.get(order.id, []):
            if item.left:
                stop = stops.setdefault(item.product_sku or item.product_name, _begin_stop(item))
                stop.lines.append(StopLine(item.id, order.id, _letter(place), item.left))
    await _mark_taken(db, list(stops.values()))
    ordered = sorted(stops.values(), key=lambda stop: (not stop.bin_location, stop.bin_location, stop.product_name))
    totes = [
        Tote(
            _letter(place),
            order.order_number,
            order.customer_name,
            order.created_at,
            *_count_tote(_letter(place), ordered),
        )
        for place, order in enumerate(orders)
    ]
    return PickList(totes, ordered)


async def finish_pick_list(db: AsyncSession, order_numbers: Sequence[str], *, by: Actor) -> int:
    """Record that the orders are picked. Returns how many. Raises Refused for one on hold or already packed."""
    for number in sorted(order_numbers[:MOST_ORDERS]):
        await confirm_order(db, number, by=by)
    return len(order_numbers[:MOST_ORDERS])


def _letter(place: int) -> str:
    return chr(65 + place)


def _begin_stop(item: PackItem) -> Stop:
    key = item.product_sku or item.product_name
    return Stop(key, item.bin_location, item.product_name, item.product_sku, item.product_unit_size, item.barcode)


async def _mark_taken(db: AsyncSession, stops: Sequence[Stop]) -> None:
    """Record at each stop what was taken there, in one statement."""
    places = {line.item_id: stop for stop in stops for line in stop.lines}
    for row in await db.scalars(select(PickedLine).where(PickedLine.order_item_id.in_(places))):
        stop = places[row.order_item_id]
        stop.found[row.order_item_id] = row.quantity
        stop.by = row.actor_name


def _count_tote(letter: str, stops: Sequence[Stop]) -> tuple[int, int]:
    """Return the number of units for a tote, and the number of units in it."""
    lines = [(line, stop.found.get(line.item_id, 0)) for stop in stops for line in stop.lines if line.letter == letter]
    return sum(line.units for line, _ in lines), sum(min(line.units, found) for line, found in lines)
