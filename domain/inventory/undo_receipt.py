"""Undo of a delivery that was just received: levels and average costs are restored, and the ledger records both."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.inventory.receive import average_cost
from domain.inventory.shelves import Shelf, lock_shelves, write_shelves
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from models import StockMovement, StockReason

# The toast stays for ten seconds, longer under a pointer; after that, levels are corrected by counting.
UNDO_WITHIN = timedelta(minutes=2)


async def undo_delivery(db: AsyncSession, movement_ids: Sequence[int], *, by: Actor) -> int:
    """Undo a delivery received by the actor, all of it or nothing. Returns the number of products.

    Raises NotFound if it is not all theirs, recent and in place, and Refused if some of it has left stock again.
    """
    require(by, Right.EDIT_STOCK, "Your role does not change stock.")
    wanted = set(movement_ids)
    rows = (await db.scalars(select(StockMovement).where(StockMovement.id.in_(wanted)))).all()
    shelves = await lock_shelves(db, (row.product_id for row in rows))
    # While locked, no other transaction can undo one of these.
    undone = exists().where(StockMovement.undoes_id.in_(wanted))
    is_theirs = all(
        row.reason == StockReason.RECEIVED
        and row.undoes_id is None
        and (row.actor_kind, row.actor_id) == (by.kind, by.id)
        and row.created_at > now() - UNDO_WITHIN
        for row in rows
    )
    if not rows or len(rows) != len(wanted) or not is_theirs or await db.scalar(select(undone)):
        raise NotFound("You have no delivery to undo.")
    newest_first = sorted(rows, key=lambda row: row.id, reverse=True)
    db.add_all([_take_back(shelves[row.product_id], row, by=by) for row in newest_first])
    await write_shelves(db, shelves, note="Delivery undone", by=by)
    return len(shelves)


def _take_back(shelf: Shelf, row: StockMovement, *, by: Actor) -> StockMovement:
    """Restore the level and cost from before the row, and return the row that records it."""
    level = (shelf.level or 0) - row.delta
    if level < 0:
        raise Refused(
            f"Some of {shelf.name} has already left stock, so the delivery can't be undone. Count the stock instead.",
            code=Code.STALE,
        )
    shelf.level = None if row.starts_count and level == 0 else level
    if row.unit_cost is not None:
        moved = average_cost(row.level_after - row.delta, row.cost_before, row.delta, row.unit_cost)
        # An average cost that was changed since is kept.
        if shelf.cost == moved:
            shelf.cost = row.cost_before
    return StockMovement(
        product_id=shelf.product_id,
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
