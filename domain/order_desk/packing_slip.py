"""Packing slips: what to take from which bin, with the order number as a barcode, and without prices."""

from collections.abc import Sequence
from dataclasses import dataclass

from barcode import Code128
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.qr_code import QrCode, draw_qr
from domain.order_desk.order_page import PageItem, list_page_items
from domain.orders.queries import OrderRow, list_chosen_orders

# A barcode needs a quiet zone of ten modules at each side, or scanners miss the first and last bar.
QUIET_MODULES = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One black bar; its position is in modules from the left."""

    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Barcode:
    """A Code 128 symbol as bars. `width` is in modules, including quiet zones."""

    text: str
    width: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class PackingSlip:
    """The packing slip of one order, with its lines in walking order."""

    order: OrderRow
    items: list[PageItem]
    barcode: Barcode
    qr: QrCode


async def list_packing_slips(db: AsyncSession, order_numbers: Sequence[str], *, visible_to: Actor) -> list[PackingSlip]:
    """Return the packing slips of the orders the actor may see, oldest first. Raises NotFound if there are none."""
    orders = await list_chosen_orders(db, order_numbers, visible_to=visible_to)
    if not orders:
        raise NotFound("There is no such order.")
    items = await list_page_items(db, [order.id for order in orders], visible_to=visible_to, in_bin_order=True)
    return [
        PackingSlip(order, items.get(order.id, []), draw_barcode(order.order_number), draw_qr(order.order_number))
        for order in orders
    ]


def draw_barcode(text: str) -> Barcode:
    """Return the Code 128 bars of an ASCII text."""
    modules: str = Code128(text).build()[0]
    bars: list[Bar] = []
    for place, module in enumerate(modules):
        if module != "1":
            continue
        if bars and bars[-1].x + bars[-1].width == place + QUIET_MODULES:
            bars[-1] = Bar(bars[-1].x, bars[-1].width + 1)
        else:
            bars.append(Bar(place + QUIET_MODULES, 1))
    return Barcode(text, len(modules) + 2 * QUIET_MODULES, tuple(bars))
