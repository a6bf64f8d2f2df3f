"""A pick list over several orders: each bin once, in walking order, with how many go into which order's tote."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.orders.queries import list_chosen_orders
from domain.warehouse.moves import confirm_order
from domain.warehouse.packing import list_pack_items_of
from models import OrderStatus

MOST_ORDERS = 20


@dataclass(frozen=True, slots=True)
class Tote:
    """One order's tote."""

    letter: str
    order_number: str
    customer_name: str
    units: int


@dataclass(slots=True)
class Stop:
    """One product at its bin: how many to take, and into which totes."""

    bin_location: str
    product_name: str
    product_sku: str
    product_unit_size: str
    totes: dict[str, int] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """How many to take."""
        return sum(self.totes.values())


@dataclass(frozen=True, slots=True)
class PickList:
    """What to take from where for which order."""

    totes: Sequence[Tote]
    stops: Sequence[Stop]

    @property
    def units(self) -> int:
        """How many items there are."""
        return sum(stop.units for stop in self.stops)


async def make_pick_list(db: AsyncSession, order_numbers: Sequence[str], *, visible_to: Actor) -> PickList:
    """The list over these orders, at most twenty; raises NotFound when none of them is to be picked."""
    chosen = await list_chosen_orders(db, order_numbers[:MOST_ORDERS], visible_to=visible_to)
    orders = [order for order in chosen if order.status in {OrderStatus.PENDING, OrderStatus.CONFIRMED}]
    if not orders:
        raise NotFound("None of these orders is to be picked.")
    items = await list_pack_items_of(db, [order.id for order in orders])
    stops: dict[str, Stop] = {}
    totes = []
    for place, order in enumerate(orders):
        letter = chr(65 + place)
        lines = items.get(order.id, [])
        totes.append(Tote(letter, order.order_number, order.customer_name, sum(item.left for item in lines)))
        for item in lines:
            if item.left:
                found = Stop(item.bin_location, item.product_name, item.product_sku, item.product_unit_size)
                stop = stops.setdefault(item.product_sku or item.product_name, found)
                stop.totes[letter] = stop.totes.get(letter, 0) + item.left
    ordered = sorted(stops.values(), key=lambda stop: (not stop.bin_location, stop.bin_location, stop.product_name))
    return PickList(totes, ordered)


async def finish_pick_list(db: AsyncSession, order_numbers: Sequence[str], *, by: Actor) -> int:
    """Note that the orders are picked; raises Refused for one on hold or further along."""
    for number in sorted(order_numbers[:MOST_ORDERS]):
        await confirm_order(db, number, by=by)
    return len(order_numbers[:MOST_ORDERS])
