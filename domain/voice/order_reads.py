"""Orders for voice agents: a caller's newest ones, or one by its number, with items but never an address."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import asyncpg

from domain.access.tokens import is_random_order_number
from domain.messages.owners import owners_sql
from domain.voice.caller import Caller

_COLUMNS = """o.id, o.order_number, o.status, o.on_hold, o.total_amount, o.subtotal, o.delivery_fee, o.payment_method,
  o.payment_status, o.item_count, o.created_at, o.special_notes, o.tracking_number, o.customer_id, o.delivery_phone"""
# An account's own orders, and those placed with the number as a guest.
_MINE = f"""
SELECT {_COLUMNS} FROM (
  (SELECT * FROM orders WHERE customer_id = $1 AND ($4::text IS NULL OR status = $4)
   ORDER BY created_at DESC, id DESC LIMIT $3)
  UNION ALL
  (SELECT * FROM orders WHERE delivery_phone = $2 AND customer_id IS NULL AND ($4::text IS NULL OR status = $4)
   ORDER BY created_at DESC LIMIT $3)
) AS o ORDER BY o.created_at DESC, o.id DESC LIMIT $3
"""  # noqa: S608 - constants of this module
_BY_NUMBER = f"""
SELECT {_COLUMNS}, o.delivery_phone = $2 OR o.customer_id IN {owners_sql("$2::text")} AS has_phone
FROM orders AS o WHERE o.order_number = ANY($1::text[]) LIMIT 1
"""  # noqa: S608 - the same
_ITEMS = """
SELECT order_id, product_sku AS sku, product_name AS name, quantity, unit_price, line_total
FROM order_item WHERE order_id = ANY($1::bigint[]) ORDER BY order_id, position
"""


async def list_caller_orders(
    connection: asyncpg.Connection, caller: Caller, *, most: int, status: str | None = None
) -> list[dict[str, Any]]:
    """Return the caller's newest orders with their items, in two statements."""
    rows = await connection.fetch(_MINE, caller.customer_id, caller.phone, most, status)
    return await with_items(connection, rows)


async def find_order(connection: asyncpg.Connection, number: str, *, phone: str | None) -> asyncpg.Record | None:
    """Return the order with a number if the caller may know of it, or None: a random number is enough, one chosen by
    staff also needs the phone number. `has_phone` is true if the phone number is the order's or its customer's."""
    row = await connection.fetchrow(_BY_NUMBER, [number, number.upper()], phone)
    if row is None or is_random_order_number(row["order_number"]) or row["has_phone"]:
        return row
    return None


async def with_items(connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> list[dict[str, Any]]:
    """Return the orders with their items, in one statement for any number of orders."""
    items: dict[int, list[asyncpg.Record]] = defaultdict(list)
    if rows:
        for item in await connection.fetch(_ITEMS, [row["id"] for row in rows]):
            items[item["order_id"]].append(item)
    return [{**row, "items": [dict(item) for item in items[row["id"]]]} for row in rows]
