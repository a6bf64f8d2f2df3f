"""Keeping what customers bought added up: what changed is folded in by day, everything is rebuilt at night."""

from array import array
from collections.abc import Sequence
from functools import partial
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.children import in_child
from domain.kernel.turns import read_in_pieces
from domain.voice.product_pairs import count_pairs
from models.session import raw_connection

FOLD_JOB = "fold_customer_sales"
REFRESH_JOB = "refresh_customer_sales"
# Pairs of products count from so many customers on.
SHARED_AT_LEAST = 3
# Beyond the three that a reader takes: for what is hidden, and for what is bought, before the next night.
SPARE = 60
READ_AT_A_TIME = 1_000
WRITTEN_AT_A_TIME = 5_000

ADD_UP = """
count(*)::int AS order_count, count(DISTINCT (o.created_at AT TIME ZONE {zone})::date)::int AS order_days,
(min(o.created_at) AT TIME ZONE {zone})::date AS first_day, (max(o.created_at) AT TIME ZONE {zone})::date AS last_day,
sum(o.total_amount) AS lifetime_value
"""
# One snapshot takes the notes away and reads the orders that they are about: a note that comes later stays.
_FOLD = f"""
WITH noted AS (DELETE FROM customer_sales_change RETURNING customer_id),
wanted AS (SELECT DISTINCT customer_id FROM noted),
fresh AS (
  SELECT o.customer_id, {ADD_UP.format(zone="$1::text")}
  FROM wanted JOIN orders AS o USING (customer_id) WHERE o.status <> 'cancelled' GROUP BY o.customer_id
),
gone AS (
  DELETE FROM customer_sales AS s USING wanted
  WHERE s.customer_id = wanted.customer_id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.customer_id = s.customer_id)
),
written AS (
  INSERT INTO customer_sales AS s (customer_id, order_count, order_days, first_day, last_day, lifetime_value)
  SELECT customer_id, order_count, order_days, first_day, last_day, lifetime_value FROM fresh ORDER BY customer_id
  ON CONFLICT (customer_id) DO UPDATE SET order_count = excluded.order_count, order_days = excluded.order_days,
    first_day = excluded.first_day, last_day = excluded.last_day, lifetime_value = excluded.lifetime_value
)
SELECT count(*) FROM wanted
"""  # noqa: S608 - constants of this module
_NOTE_ALL = """
INSERT INTO customer_sales_change (customer_id)
SELECT DISTINCT customer_id FROM orders WHERE customer_id IS NOT NULL
UNION SELECT customer_id FROM customer_sales
"""
# Who bought what, and how many customers both of two products have.
PAIRS = f"""
bought AS MATERIALIZED (
  SELECT DISTINCT o.customer_id, i.product_id FROM orders AS o JOIN order_item AS i ON i.order_id = o.id
  WHERE o.customer_id IS NOT NULL AND o.status <> 'cancelled' AND i.product_id IS NOT NULL
),
buyers AS MATERIALIZED (SELECT product_id, count(*) AS buyers FROM bought GROUP BY product_id),
everybody AS MATERIALIZED (SELECT count(DISTINCT customer_id) AS customers FROM bought),
pairs AS (
  SELECT a.product_id, b.product_id AS other_id, count(*) AS shared
  FROM bought AS a JOIN bought AS b ON b.customer_id = a.customer_id AND b.product_id <> a.product_id
  GROUP BY a.product_id, b.product_id HAVING count(*) >= {SHARED_AT_LEAST}
),
paired AS MATERIALIZED (
  SELECT p.product_id, p.other_id, p.shared::int AS shared,
    (p.shared * e.customers)::float8 / (a.buyers * b.buyers)::float8 AS lift
  FROM pairs AS p JOIN buyers AS a ON a.product_id = p.product_id JOIN buyers AS b ON b.product_id = p.other_id,
    everybody AS e
)"""  # noqa: S608 - the same
_OWNED = """
SELECT array_agg(DISTINCT i.product_id) AS products FROM orders AS o JOIN order_item AS i ON i.order_id = o.id
WHERE o.customer_id IS NOT NULL AND o.status <> 'cancelled' AND i.product_id IS NOT NULL GROUP BY o.customer_id
"""
_OFFERED = "SELECT id FROM product WHERE is_active"
_WRITE_PAIRS = """
INSERT INTO product_pair (product_id, other_id, shared, lift)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::float8[])
"""


async def fold_sales(db: AsyncSession, *, timezone: ZoneInfo) -> int:
    """Add up again the customers whose orders changed, and return how many there were."""
    connection = await raw_connection(db)
    return int(await connection.fetchval(_FOLD, timezone.key))


async def refresh_sales(db: AsyncSession, *, timezone: ZoneInfo) -> int:
    """Add up everybody, and count which products are bought together; returns how many customers there were."""
    connection = await raw_connection(db)
    await connection.execute(_NOTE_ALL)
    customers = await fold_sales(db, timezone=timezone)
    await _refresh_pairs(connection)
    return customers


async def _refresh_pairs(connection: asyncpg.Connection) -> None:
    """Count every pair of products again; a statement that joins all purchases with themselves takes minutes more."""
    owned: list[Sequence[int]] = []
    async for rows in read_in_pieces(connection, _OWNED, size=READ_AT_A_TIME):
        owned += [array("q", row["products"]) for row in rows]
    offered = {row["id"] for row in await connection.fetch(_OFFERED)}
    count = partial(count_pairs, shared_at_least=SHARED_AT_LEAST, spare=SPARE)
    pairs = await in_child(count, owned, offered)
    await connection.execute("DELETE FROM product_pair")
    columns = (pairs.product_id, pairs.other_id, pairs.shared, pairs.lift)
    for first in range(0, len(pairs.lift), WRITTEN_AT_A_TIME):
        piece = [column[first : first + WRITTEN_AT_A_TIME] for column in columns]
        await connection.execute(_WRITE_PAIRS, *piece)
