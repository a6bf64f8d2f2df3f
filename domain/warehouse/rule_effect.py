"""Previews a box rule before it is saved: its effect on a sample order, and on the orders of the last 30 days."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.boxes.pack import BoxType, count_all, pack_lines
from domain.boxes.rules import CreateBoxRule, find_box_rule_of
from domain.boxes.shelf import list_shelf
from domain.boxes.suggest import ProductBox, list_product_boxes
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.orders.filters import ITEMS, ORDERS
from domain.warehouse.packing import PackItem, lines_of, list_pack_items_of
from domain.warehouse.queue import get_queue_row
from domain.warehouse.rule_use import MONTH, holds_since

# At most this many orders are packed for the preview, newest first; the answer says if there are more.
MOST_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """The effect of saving the rule: boxes of the sample order now and then, and how many orders would be packed
    differently.

    `unit_weight_oz` is the weight of one unit; None if unknown.
    """

    boxes_now: int | None
    boxes_then: int | None
    orders: int
    looked_at: int
    changed: int
    unit_weight_oz: Decimal | None


async def foresee_rule(db: AsyncSession, data: CreateBoxRule, order_number: str, *, visible_to: Actor) -> RuleEffect:
    """Pack orders by the unsaved rule; nothing is written. Raises NotFound for an unknown order."""
    tried = (await get_queue_row(db, order_number, visible_to=visible_to)).id if order_number else None
    orders, ids = await _list_orders(db, data.product_id)
    items = await list_pack_items_of(db, [*ids, *([] if tried is None else [tried])])
    products = {item.product_id for lines in items.values() for item in lines if item.product_id is not None}
    known = await list_product_boxes(db, products | {data.product_id})
    shelf = await list_shelf(db)
    rule = await find_box_rule_of(db, data.product_id)
    other = known | {data.product_id: _follow(known[data.product_id], data)} if data.product_id in known else known
    then = _with_kind(await list_shelf(db, without_rule=rule.id if rule else 0), data)

    weight = known[data.product_id].unit_weight_oz if data.product_id in known else None

    def compare() -> RuleEffect:
        changed = sum(_name_boxes(items[each], known, shelf) != _name_boxes(items[each], other, then) for each in ids)
        counts = [
            None if tried is None else count_all(pack_lines(lines_of(items.get(tried, []), boxes), on))
            for boxes, on in ((known, shelf), (other, then))
        ]
        return RuleEffect(counts[0], counts[1], orders, len(ids), changed, weight)

    return await asyncio.to_thread(compare)


async def _list_orders(db: AsyncSession, product_id: int) -> tuple[int, list[int]]:
    """Return how many orders of the last 30 days contain the product, and the ids of the newest ones."""
    holding = [*holds_since(now() - MONTH), ITEMS.product_id == product_id]
    count = await db.scalar(select(func.count(ITEMS.order_id.distinct())).where(*holding))
    newest = select(ORDERS.id).where(*holding).distinct().order_by(ORDERS.id.desc()).limit(MOST_LOOKED_AT)
    return count or 0, list((await db.execute(newest)).scalars())


def _follow(box: ProductBox, data: CreateBoxRule) -> ProductBox:
    return replace(
        box,
        qty_per_box=data.qty_per_box,
        box_name=data.box_name,
        length_in=data.length_in,
        width_in=data.width_in,
        height_in=data.height_in,
        has_rule=True,
    )


def _with_kind(shelf: Sequence[BoxType], data: CreateBoxRule) -> list[BoxType]:
    if data.length_in is None or data.width_in is None or data.height_in is None:
        return list(shelf)
    return [*shelf, BoxType(data.box_name, (data.length_in, data.width_in, data.height_in))]


def _name_boxes(
    items: Sequence[PackItem], known: Mapping[int, ProductBox], shelf: Sequence[BoxType]
) -> list[tuple[object, ...]]:
    """Return the boxes of an order by sizes and contents, so that two ways of packing can be compared."""
    packed = pack_lines(lines_of(items, known), shelf)
    return sorted((str(box.sides), str(box.contents), box.count) for box in packed)
