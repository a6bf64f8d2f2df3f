"""The order guide by phone: what the caller usually buys, ready to be ordered."""

from dataclasses import dataclass, field
from typing import Any

import asyncpg

from domain.voice.caller import find_caller
from domain.voice.inputs import CallerInput
from domain.voice.speech import say_list, say_number, say_text

MOST = 10
SAID = 4
LOOKED_BACK_DAYS = 365
_GUIDE = """
WITH recent AS (
  SELECT id, created_at FROM orders
  WHERE customer_id = $1 AND status <> 'cancelled' AND created_at > now() - make_interval(days => $2)
  ORDER BY created_at DESC, id DESC LIMIT 100
),
taken AS (
  SELECT i.product_id, r.id, r.created_at, sum(i.quantity)::int AS quantity
  FROM recent AS r JOIN order_item AS i ON i.order_id = r.id WHERE i.product_id IS NOT NULL
  GROUP BY i.product_id, r.id, r.created_at
)
SELECT p.sku, p.name, p.unit_size, p.unit_price, count(*)::int AS times_ordered,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY t.quantity) AS quantity,
  p.in_stock AND coalesce(p.stock_quantity > 0, true) AS in_stock
FROM taken AS t JOIN product AS p ON p.id = t.product_id AND p.is_active
GROUP BY p.id ORDER BY count(*) DESC, max(t.created_at) DESC, p.id LIMIT $3
"""


class AskGuide(CallerInput):
    """The caller whose order guide is requested."""


@dataclass(frozen=True, slots=True)
class OrderGuideAnswer:
    """What the caller usually buys."""

    message: str
    success: bool = True
    count: int = 0
    items: list[dict[str, Any]] = field(default_factory=list)


async def describe_guide(connection: asyncpg.Connection, data: AskGuide) -> OrderGuideAnswer:
    """Return the caller's usual items, most often bought first."""
    caller = await find_caller(connection, data.caller)
    items = await read_guide(connection, caller.customer_id)
    if not items:
        return OrderGuideAnswer("I don't have a usual order for this number yet.", success=False)
    return OrderGuideAnswer(f"You usually take {say_guide(items)}.", count=len(items), items=items)


async def read_guide(connection: asyncpg.Connection, customer_id: int | None) -> list[dict[str, Any]]:
    """Return what an account bought in the last year and is still sold."""
    if customer_id is None:
        return []
    return [dict(row) for row in await connection.fetch(_GUIDE, customer_id, LOOKED_BACK_DAYS, MOST)]


def say_guide(items: list[dict[str, Any]]) -> str:
    """Return the first items as a phrase: "two Soy Sauce 1gal and one Portion cup"."""
    return say_list([f"{say_number(item['quantity'])} {say_text(item['name'], 40)}" for item in items[:SAID]])
