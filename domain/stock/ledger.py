"""The stock ledger for staff: setting a level after a count, and reading its movements.

The sum of a product's deltas is always its level; when a product becomes untracked, its ledger goes to zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import asyncpg
from pydantic import Field
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.own_orders import names_order_seen
from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.live import Topic, announce
from domain.kernel.paging import Page, PageInput, make_page
from models import Order, Product, StockMovement, StockReason

MOST_UNITS = 1_000_000
_RECORD = """
INSERT INTO stock_movement (product_id, delta, level_after, reason, actor_kind, actor_id, actor_name)
SELECT product_id, delta, level_after, $4, $5, $6, $7
FROM unnest($1::bigint[], $2::int[], $3::int[]) AS t(product_id, delta, level_after)
"""
Level = Annotated[int, Field(ge=0, le=MOST_UNITS)]


@dataclass(frozen=True, slots=True)
class StockLevel:
    """A product's level before and after; None means untracked."""

    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One change of a level, with the order it belongs to."""

    id: int
    delta: int
    level_after: int
    reason: str
    order_number: str | None
    note: str
    vendor_name: str
    actor_name: str
    created_at: datetime


async def set_stock_level(
    db: AsyncSession,
    product_id: int,
    level: int | None,
    *,
    reason: StockReason,
    note: str = "",
    by: Actor,
    seen: StockLevel | None = None,
) -> StockLevel:
    """Set the number of units, or None to stop tracking; the difference is written to the ledger.

    Raises NotFound, InvalidInput for a negative level, and Refused with code `stale` if the current level is not
    `seen.after`. The product's row stays locked until the commit.
    """
    if by.is_staff:
        require(by, Right.EDIT_STOCK, "Your role does not change stock.")
    if level is not None and not 0 <= level <= MOST_UNITS:
        raise InvalidInput(
            "That is not a valid stock level.", fields={"level": f"must be a whole number from 0 to {MOST_UNITS:,}"}
        )
    locked = select(Product.id, Product.stock_quantity).where(Product.id == product_id)
    row = (await db.execute(locked.with_for_update(key_share=True))).first()
    if row is None:
        raise NotFound("There is no such product.")
    before: int | None = row.stock_quantity
    if seen is not None and before != seen.after:
        raise Refused(
            f"The level changed from {_write(seen.after)} to {_write(before)} while you counted.", code=Code.STALE
        )
    if before == level:
        return StockLevel(before, level)
    await db.execute(update(Product).where(Product.id == product_id).values(stock_quantity=level))
    delta = (level or 0) - (before or 0)
    if delta:
        db.add(
            StockMovement(
                product_id=product_id,
                delta=delta,
                level_after=level or 0,
                reason=reason,
                note=note,
                **by.columns,
            )
        )
        await db.flush()
    await announce(db, Topic.PRODUCTS, product_id)
    return StockLevel(before, level)


async def record_levels(
    connection: asyncpg.Connection,
    changes: Sequence[tuple[int, int | None, int | None]],
    *,
    reason: StockReason,
    by: Actor,
) -> None:
    """Write the ledger rows of many levels (product id, before, after) in one statement. The levels are set already."""
    moved = [(id_, (after or 0) - (before or 0), after or 0) for id_, before, after in changes]
    moved = [change for change in moved if change[1]]
    if moved:
        ids, deltas, levels = zip(*moved, strict=True)
        await connection.execute(_RECORD, ids, deltas, levels, reason, by.kind, by.id, by.name)


async def list_movements(
    db: AsyncSession | AsyncConnection, product_id: int, asked: PageInput, *, visible_to: Actor
) -> Page[MovementRow]:
    """Return the movements of a product's level, newest first. An order is named only if the actor may see it."""
    rows = await db.execute(
        select(
            StockMovement.id,
            StockMovement.delta,
            StockMovement.level_after,
            StockMovement.reason,
            Order.order_number,
            StockMovement.note,
            StockMovement.vendor_name,
            StockMovement.actor_name,
            StockMovement.created_at,
        )
        .outerjoin(Order, names_order_seen(StockMovement.order_id, visible_to))
        .where(StockMovement.product_id == product_id)
        .order_by(StockMovement.id.desc())
        .limit(asked.per_page)
        .offset(asked.offset)
    )
    total = await db.scalar(
        select(func.count()).select_from(StockMovement).where(StockMovement.product_id == product_id)
    )
    return make_page([MovementRow(*row) for row in rows], total or 0, asked)


def _write(level: int | None) -> str:
    return "untracked" if level is None else f"{level:,}"
