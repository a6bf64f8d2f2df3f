"""Undo of a delivery that was just received: levels and average costs are as they were, and the ledger says both."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.catalogue.edit_product import lock_product
from domain.inventory.receive import average_cost, move_cost
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.live import Topic, announce_many
from models import Product, StockMovement, StockReason

# The toast stays for ten seconds, and longer under a pointer; later a level is counted.
UNDO_WITHIN = timedelta(minutes=2)


async def undo_delivery(db: AsyncSession, movement_ids: Sequence[int], *, by: Actor) -> int:
    """Take a delivery of the actor's back, all of it or nothing; answers of how many products.

    Raises NotFound when it is not all theirs, just received and still in place, and Refused when some of it has left
    the shelf again.
    """
    require(by, Right.EDIT_STOCK, "Your role does not change stock.")
    wanted = set(movement_ids)
    rows = (await db.scalars(select(StockMovement).where(StockMovement.id.in_(wanted)))).all()
    product_ids = sorted({row.product_id for row in rows})
    products = {product_id: await lock_product(db, product_id) for product_id in product_ids}
    # Under the locks nobody else takes one of these back.
    undone = exists().where(StockMovement.undoes_id.in_(wanted))
    is_theirs = all(
        row.reason == StockReason.RECEIVED
        and row.undoes_id is None
        and (row.actor_kind, row.actor_id) == (by.kind, by.id)
        and row.created_at > now() - UNDO_WITHIN
        for row in rows
    )
    if not rows or len(rows) != len(wanted) or not is_theirs or await db.scalar(select(undone)):
        raise NotFound("There is no delivery of yours to undo.")
    for row in sorted(rows, key=lambda row: row.id, reverse=True):
        await _take_back(db, products[row.product_id], row, by=by)
    await db.flush()
    await announce_many(db, Topic.PRODUCTS, product_ids)
    return len(product_ids)


async def _take_back(db: AsyncSession, product: Product, row: StockMovement, *, by: Actor) -> None:
    level = (product.stock_quantity or 0) - row.delta
    if level < 0:
        raise Refused(
            f"Some of {product.name} has left the shelf again, so the delivery stays. Count the shelf instead.",
            code=Code.STALE,
        )
    product.stock_quantity = None if row.starts_count and level == 0 else level
    db.add(
        StockMovement(
            product_id=product.id,
            delta=-row.delta,
            level_after=level,
            reason=StockReason.RECEIVED,
            note="Undone",
            unit_cost=row.unit_cost,
            vendor_id=row.vendor_id,
            vendor_name=row.vendor_name,
            undoes_id=row.id,
            **by.columns,
        )
    )
    if row.unit_cost is None:
        return
    moved = average_cost(row.level_after - row.delta, row.cost_before, row.delta, row.unit_cost)
    # An average that somebody has written since stays.
    if product.cost_per_item == moved:
        await move_cost(db, product, row.cost_before, note="Delivery undone", by=by)
