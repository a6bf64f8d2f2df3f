"""Updates what customers bought and when they were called: changes are folded by day, all is recalculated at night."""

from array import array
from collections.abc import Sequence
from functools import partial
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours_key import find_hours_key
from domain.kernel.children import in_child
from domain.kernel.folds import wait_for_turn
from domain.kernel.turns import ROWS_A_TURN, read_in_pieces
from domain.voice.product_pairs import count_pairs
from models.customer_sales import OWN_CYCLE, WORTH
from models.session import raw_connection

FOLD_JOB = "fold_customer_sales"
REFRESH_JOB = "refresh_customer_sales"
# Pairs of products need at least this many customers.
SHARED_AT_LEAST = 3
# In addition to the three that a reader uses: for products hidden or bought before the next night.
SPARE = 60
READ_AT_A_TIME = 1_000
WRITTEN_AT_A_TIME = 5_000

ADD_UP = """
count(*)::int AS order_count, count(DISTINCT (o.created_at AT TIME ZONE {zone})::date)::int AS order_days,
(min(o.created_at) AT TIME ZONE {zone})::date AS first_day, (max(o.created_at) AT TIME ZONE {zone})::date AS last_day,
sum(o.total_amount) AS lifetime_value
"""
IS_CALLBACK = "outcome IN ('interested_callback', 'busy_callback')"
# The newest logged call with a customer `c`, to the account or to its number.
NEWEST_CALL = """
SELECT * FROM (
  (SELECT id, created_at, outcome, callback_date, notes FROM outbound_call_log WHERE customer_id = c.id
   ORDER BY created_at DESC, id DESC LIMIT 1)
  UNION ALL
  (SELECT id, created_at, outcome, callback_date, notes FROM outbound_call_log WHERE phone = c.phone
   ORDER BY created_at DESC, id DESC LIMIT 1)
) AS logged ORDER BY created_at DESC, id DESC LIMIT 1
"""
# All noted customers, and those about whose calls nothing is known. Numbers are looked up one by one, because the
# planner cannot estimate how few are noted.
CHANGED = """
SELECT customer_id FROM {sales}
UNION SELECT customer_id FROM customer_sales WHERE is_barred IS NULL
UNION SELECT customer_id FROM {calls} WHERE customer_id IS NOT NULL
UNION SELECT c.id FROM (SELECT DISTINCT phone FROM {calls} WHERE phone IS NOT NULL) AS n CROSS JOIN LATERAL (
  SELECT id FROM customer WHERE phone = n.phone UNION ALL SELECT id FROM customer WHERE phone2 = n.phone OFFSET 0
) AS c
"""
# For the customers in `changed`, the columns of `customer_sales`.
FRESH = f"""
SELECT s.*, {OWN_CYCLE} AS own_cycle, {WORTH} AS worth,
  NOT (c.is_active AND c.phone IS NOT NULL AND NOT c.do_not_call) OR EXISTS (
    SELECT FROM suppressed_number AS n WHERE n.phone IN (c.phone, c.phone2) AND n.do_not_call
  ) AS is_barred,
  newest.created_at AS called_at, CASE WHEN newest.{IS_CALLBACK} THEN newest.callback_date END AS call_back_on
FROM (
  SELECT o.customer_id, {ADD_UP}
  FROM changed JOIN orders AS o USING (customer_id) WHERE o.status <> 'cancelled' GROUP BY o.customer_id
) AS s JOIN customer AS c ON c.id = s.customer_id LEFT JOIN LATERAL ({NEWEST_CALL}) AS newest ON true
"""  # noqa: S608 - constants of this module
# At most this many customers are between two steps, not counting those of the steps.
APART = 63
STEPS = f"""
SELECT {APART} AS apart, w.customers, c.known_cycles, w.worths, w.worths_through, c.cycles, c.cycles_through, d.days,
  d.customers_of_days
FROM (
  SELECT coalesce(max(total), 0) AS customers, coalesce(array_agg(worth ORDER BY worth), '{{}}') AS worths,
    coalesce(array_agg(through ORDER BY worth), '{{}}') AS worths_through
  FROM (
    SELECT DISTINCT worth, through, total FROM (
      SELECT -worth AS worth, row_number() OVER (ORDER BY worth DESC) AS place,
        count(*) OVER (ORDER BY worth DESC)::int AS through, count(*) OVER ()::int AS total
      FROM customer_sales
    ) AS placed WHERE place % ({APART} + 1) = 1
  ) AS steps
) AS w CROSS JOIN (
  SELECT coalesce(max(total), 0) AS known_cycles, coalesce(array_agg(own_cycle ORDER BY own_cycle), '{{}}') AS cycles,
    coalesce(array_agg(through ORDER BY own_cycle), '{{}}') AS cycles_through
  FROM (
    SELECT DISTINCT own_cycle, through, total FROM (
      SELECT own_cycle, row_number() OVER (ORDER BY own_cycle) AS place,
        count(*) OVER (ORDER BY own_cycle)::int AS through, count(*) OVER ()::int AS total
      FROM customer_sales WHERE own_cycle IS NOT NULL
    ) AS placed WHERE place % ({APART} + 1) = 1
  ) AS steps
) AS c CROSS JOIN (
  SELECT coalesce(array_agg(last_day ORDER BY last_day), '{{}}') AS days,
    coalesce(array_agg(customers ORDER BY last_day), '{{}}') AS customers_of_days
  FROM (SELECT last_day, count(*)::int AS customers FROM customer_sales WHERE NOT is_barred GROUP BY 1) AS counted
) AS d
"""  # noqa: S608 - the same
_KEPT = (
    "order_count", "order_days", "first_day", "last_day", "lifetime_value", "is_barred", "called_at", "call_back_on",
)  # fmt: skip
# A single snapshot deletes the changes and reads the rows that they are about, so that later changes remain. Unchanged
# customers are not written. The statement returns the numbers and addresses, with the stored keys, because Python
# computes the keys.
_FOLD = f"""
WITH sold AS (DELETE FROM customer_sales_change RETURNING customer_id),
called AS (DELETE FROM customer_call_change RETURNING customer_id, phone),
changed AS MATERIALIZED (
  {CHANGED.format(sales="sold", calls="called")} UNION SELECT customer_id FROM customer_sales WHERE hours_key IS NULL
),
fresh AS MATERIALIZED ({FRESH.format(zone="$1::text")}),
gone AS (
  DELETE FROM customer_sales AS s USING changed
  WHERE s.customer_id = changed.customer_id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.customer_id = s.customer_id)
),
written AS (
  INSERT INTO customer_sales AS s (customer_id, {", ".join(_KEPT)})
  SELECT customer_id, {", ".join(_KEPT)} FROM fresh WHERE NOT EXISTS (
    SELECT FROM customer_sales AS s WHERE s.customer_id = fresh.customer_id
      AND ({", ".join(f"s.{name}" for name in _KEPT)})
        IS NOT DISTINCT FROM ({", ".join(f"fresh.{name}" for name in _KEPT)})
  ) ORDER BY customer_id
  ON CONFLICT (customer_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _KEPT)}
)
SELECT f.customer_id, c.phone, c.shipping_zip, c.shipping_state, s.hours_key
FROM changed LEFT JOIN fresh AS f USING (customer_id) LEFT JOIN customer AS c ON c.id = f.customer_id
  LEFT JOIN customer_sales AS s ON s.customer_id = f.customer_id
"""  # noqa: S608 - constants of this module
_KEEP_STEPS = f"""
INSERT INTO customer_sales_steps (
  id, apart, customers, known_cycles, worths, worths_through, cycles, cycles_through, days, customers_of_days
)
SELECT 1, steps.* FROM ({STEPS}) AS steps
"""  # noqa: S608 - the same
_KEEP_HOURS = """
UPDATE customer_sales AS s SET hours_key = k.hours_key FROM unnest($1::bigint[], $2::text[]) AS k(id, hours_key)
WHERE s.customer_id = k.id
"""
_NOTE_ALL = """
INSERT INTO customer_sales_change (customer_id)
SELECT DISTINCT customer_id FROM orders WHERE customer_id IS NOT NULL
UNION SELECT customer_id FROM customer_sales
"""
# Who bought what, and how many customers two products have in common.
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
    """Recalculate the customers whose orders, calls or place changed. Returns how many."""
    connection = await raw_connection(db)
    await wait_for_turn(connection, "customer_sales")
    customers = 0
    moved: list[tuple[int, str]] = []
    async for rows in read_in_pieces(connection, _FOLD, timezone.key, size=ROWS_A_TURN):
        customers += len(rows)
        moved += _find_moved(rows)
    for first in range(0, len(moved), WRITTEN_AT_A_TIME):
        await connection.execute(_KEEP_HOURS, *zip(*moved[first : first + WRITTEN_AT_A_TIME], strict=True))
    await keep_steps(connection)
    return customers


def _find_moved(rows: Sequence[asyncpg.Record]) -> list[tuple[int, str]]:
    """Return the ids and keys of those whose stored key is not theirs any more."""
    found = [
        (row["customer_id"], row["hours_key"], find_hours_key(row["phone"], row["shipping_zip"], row["shipping_state"]))
        for row in rows
        if row["customer_id"] is not None
    ]
    return [(customer_id, key) for customer_id, kept, key in found if key != kept]


async def keep_steps(connection: asyncpg.Connection) -> None:
    """Store new steps after a transaction wrote to `customer_sales`, which deleted the old ones."""
    await connection.execute(_KEEP_STEPS)


async def refresh_sales(db: AsyncSession, *, timezone: ZoneInfo) -> int:
    """Recalculate all customers, and count which products are bought together. Returns the number of customers."""
    connection = await raw_connection(db)
    await connection.execute(_NOTE_ALL)
    customers = await fold_sales(db, timezone=timezone)
    await _refresh_pairs(connection)
    return customers


async def _refresh_pairs(connection: asyncpg.Connection) -> None:
    """Recount all pairs of products. A statement that joins all purchases with themselves would take minutes more."""
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
