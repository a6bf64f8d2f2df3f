"""Tries the box rules on an order: the resulting boxes, and the lines in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from domain.boxes.pack import PackedBox, PackLine, PackStep, pack_in_steps
from domain.boxes.shelf import list_shelf
from domain.boxes.suggest import list_product_boxes
from domain.kernel.actor import Actor
from domain.warehouse.packing import lines_of, list_pack_items
from domain.warehouse.queue import QueueRow, get_queue_row


@dataclass(frozen=True, slots=True)
class TriedBoxes:
    """An order as the rules pack it."""

    order: QueueRow
    lines: Sequence[PackLine]
    boxes: Sequence[PackedBox]
    steps: Sequence[PackStep]


async def try_boxes(db: AsyncSession, order_number: str, *, visible_to: Actor) -> TriedBoxes:
    """Pack an order by the rules without changing anything. Raises NotFound."""
    order = await get_queue_row(db, order_number, visible_to=visible_to)
    items = await list_pack_items(db, order.id)
    known = await list_product_boxes(db, {item.product_id for item in items if item.product_id is not None})
    lines = lines_of(items, known)
    packing = pack_in_steps(lines, await list_shelf(db))
    return TriedBoxes(order, lines, packing.boxes, packing.steps)
