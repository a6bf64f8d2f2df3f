"""Takes and returns stock: one ordered lock and one set-based update with its ledger rows, for all callers.

Locks are taken in product order and last of all, so that orders for the same products never deadlock. What an order
holds is the sum of its ledger rows, so that stock is returned exactly once.
"""

from collections.abc import Mapping

import asyncpg

from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from models import StockReason

_LOCK = """
SELECT id, name, sku, stock_quantity, in_stock
FROM product WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
_CHANGE = """
WITH change(id, delta) AS (SELECT * FROM unnest($1::bigint[], $2::int[])),
moved AS (
  UPDATE product AS p SET stock_quantity = p.stock_quantity + c.delta
  FROM change AS c WHERE p.id = c.id AND p.stock_quantity IS NOT NULL
  RETURNING p.id, c.delta, p.stock_quantity
)
INSERT INTO stock_movement (product_id, delta, level_after, reason, order_id, note, actor_kind, actor_id, actor_name)
SELECT id, delta, stock_quantity, $3, $4, $5, $6, $7, $8 FROM moved
"""
# An order returns units of an untracked product: the order no longer holds them, and the level stays untracked.
_LET_GO = """
INSERT INTO stock_movement (product_id, delta, level_after, reason, order_id, note, actor_kind, actor_id, actor_name)
SELECT id, side * units, CASE WHEN side > 0 THEN units ELSE 0 END,
  CASE WHEN side > 0 THEN $3::text ELSE 'counted' END, CASE WHEN side > 0 THEN $4::bigint END,
  CASE WHEN side > 0 THEN $5::text ELSE 'Nobody counts it' END, $6, $7::int, $8
FROM unnest($1::bigint[], $2::int[]) AS t(id, units) CROSS JOIN (VALUES (1), (-1)) AS pair(side)
ORDER BY id, side DESC
"""
# Units that an order held but that were never found: the order no longer holds them, and the stock does not get them.
_LOSE = """
INSERT INTO stock_movement (product_id, delta, level_after, reason, order_id, note, actor_kind, actor_id, actor_name)
SELECT id, side * units, level + CASE WHEN side > 0 THEN units ELSE 0 END, $4, CASE WHEN side > 0 THEN $5::bigint END,
  $6, $7, $8::int, $9
FROM unnest($1::bigint[], $2::int[], $3::int[]) AS t(id, units, level) CROSS JOIN (VALUES (1), (-1)) AS pair(side)
ORDER BY id, side DESC
"""
_HELD = """
SELECT product_id, -sum(delta)::int AS held FROM stock_movement WHERE order_id = $1 GROUP BY product_id
"""
_LINES = """
SELECT product_id, sum(quantity - short_quantity)::int AS quantity FROM order_item
WHERE order_id = $1 AND product_id IS NOT NULL GROUP BY product_id
"""


def describe_shortage(short: list[asyncpg.Record], wanted: Mapping[int, int]) -> Refused:
    """Return the refusal of an order that needs more than the stock, naming each short product with what is left."""
    products = [
        {
            "product_id": row["id"],
            "sku": row["sku"],
            "name": row["name"],
            "requested": wanted[row["id"]],
            "available": row["stock_quantity"] or 0 if row["in_stock"] else 0,
        }
        for row in short
    ]
    named = "; ".join(f"{product['name']}: {product['available']} left" for product in products)
    return Refused(f"Not enough in stock. {named}.", code=Code.OUT_OF_STOCK, products=products)


async def change_stock(
    connection: asyncpg.Connection,
    deltas: Mapping[int, int],
    *,
    reason: StockReason,
    by: Actor,
    order_id: int | None = None,
    note: str = "",
) -> None:
    """Change the levels of the tracked products in `deltas` (product id → units; negative takes).

    If an order returns units of an untracked product, no level changes, but the order no longer holds them. Raises
    Refused naming each product that has too few units or is marked as not in stock.
    """
    moving = {product_id: delta for product_id, delta in deltas.items() if delta}
    if not moving:
        return
    locked = await connection.fetch(_LOCK, sorted(moving))
    rows = [row for row in locked if row["stock_quantity"] is not None]
    short = [
        row
        for row in rows
        if moving[row["id"]] < 0 and (not row["in_stock"] or row["stock_quantity"] + moving[row["id"]] < 0)
    ]
    if short:
        raise describe_shortage(short, {product_id: -delta for product_id, delta in moving.items()})
    let_go = [row["id"] for row in locked if row["stock_quantity"] is None and moving[row["id"]] > 0]
    if order_id is not None and let_go:
        units = [moving[id_] for id_ in let_go]
        await connection.execute(_LET_GO, let_go, units, reason, order_id, note, by.kind, by.id, by.name)
    ids = [row["id"] for row in rows]
    await connection.execute(
        _CHANGE, ids, [moving[id_] for id_ in ids], reason, order_id, note, by.kind, by.id, by.name
    )


async def return_held_stock(connection: asyncpg.Connection, order_id: int, *, reason: StockReason, by: Actor) -> None:
    """Return to stock what the order still holds according to the ledger. Repeating it changes nothing."""
    rows = await connection.fetch(_HELD, order_id)
    await change_stock(
        connection,
        {row["product_id"]: row["held"] for row in rows if row["held"] > 0},
        reason=reason,
        by=by,
        order_id=order_id,
    )


async def lose_held_stock(
    connection: asyncpg.Connection, order_id: int, missing: Mapping[int, int], *, by: Actor, note: str
) -> None:
    """Remove units that were not found from what an order holds, up to what it holds. No level changes."""
    held = {row["product_id"]: row["held"] for row in await connection.fetch(_HELD, order_id)}
    lost = {product_id: min(units, held.get(product_id, 0)) for product_id, units in missing.items()}
    ids = sorted(product_id for product_id, units in lost.items() if units > 0)
    if not ids:
        return
    levels = [row["stock_quantity"] or 0 for row in await connection.fetch(_LOCK, ids)]
    await connection.execute(
        _LOSE, ids, [lost[id_] for id_ in ids], levels, StockReason.SHORT_PICK, order_id, note, by.kind, by.id, by.name
    )


async def take_stock_again(connection: asyncpg.Connection, order_id: int, *, reason: StockReason, by: Actor) -> None:
    """Take what the order's lines need, without short quantities, beyond what it holds. Raises Refused if short."""
    held = {row["product_id"]: row["held"] for row in await connection.fetch(_HELD, order_id)}
    lines = await connection.fetch(_LINES, order_id)
    wanted = {row["product_id"]: row["quantity"] for row in lines}
    deltas = {product_id: held.get(product_id, 0) - quantity for product_id, quantity in wanted.items()}
    deltas |= {product_id: units for product_id, units in held.items() if product_id not in wanted}
    await change_stock(connection, deltas, reason=reason, by=by, order_id=order_id)


async def move_edited_stock(
    connection: asyncpg.Connection,
    order_id: int,
    before: Mapping[int, int],
    after: Mapping[int, int],
    *,
    by: Actor,
) -> None:
    """Take what an order's lines need more than before, and return what it holds beyond what they need now.

    Lines that did not change move nothing, even if their product was untracked when they were written.
    """
    held = {row["product_id"]: row["held"] for row in await connection.fetch(_HELD, order_id)}
    deltas = {}
    for product_id in before.keys() | after.keys():
        old, new = before.get(product_id, 0), after.get(product_id, 0)
        deltas[product_id] = old - new if new > old else max(held.get(product_id, 0) - new, 0) if new < old else 0
    await change_stock(connection, deltas, reason=StockReason.ORDER_EDITED, by=by, order_id=order_id)
