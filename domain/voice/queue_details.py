"""What an agent needs to know about the customers of a page: their last order, what they buy, and what others buy too.

Three statements for any number of customers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from domain.voice.refresh_sales import NEWEST_CALL, PAIRS

# A product is due again after this share of its usual gap.
DUE_AT = 0.8
MOST_UPSELLS = 3
MOST_CATEGORIES = 3
# With at most this many order lines, pairs of products are counted at once; otherwise the nightly count is used.
MOST_LINES_COUNTED_AT_ONCE = 4_000

# What the customers bought is read once. `lines` are those of the newest order: first those past most of their own
# median gap, then in the order of the lines. For each product that a customer owns, the best three others not owned are
# looked up; the best three of those are the best overall. Which products are sold is checked once for all.
_DETAILS = """
{pairs}
history AS MATERIALIZED (
  SELECT o.customer_id, o.id AS order_id, (o.created_at AT TIME ZONE $2::text)::date AS day, i.product_id,
    i.product_name, i.position
  FROM orders AS o JOIN order_item AS i ON i.order_id = o.id
  WHERE o.customer_id = ANY($1::bigint[]) AND o.status <> 'cancelled'
),
newest AS (
  SELECT c.id AS customer_id, o.id AS order_id FROM unnest($1::bigint[]) AS c(id) CROSS JOIN LATERAL (
    SELECT id FROM orders WHERE customer_id = c.id AND status <> 'cancelled'
    ORDER BY created_at DESC, id DESC LIMIT 1
  ) AS o
),
lines AS MATERIALIZED (
  SELECT h.customer_id, h.product_name AS name, min(h.product_id) AS product_id, min(h.position) AS position
  FROM newest AS n JOIN history AS h ON h.order_id = n.order_id GROUP BY h.customer_id, h.product_name
),
days AS MATERIALIZED (
  SELECT DISTINCT h.customer_id, h.product_id, h.day
  FROM (SELECT DISTINCT customer_id, product_id FROM lines WHERE product_id IS NOT NULL) AS l
  JOIN history AS h ON h.customer_id = l.customer_id AND h.product_id = l.product_id
),
gaps AS (
  SELECT customer_id, product_id, day - lag(day) OVER (PARTITION BY customer_id, product_id ORDER BY day) AS gap
  FROM days
),
usual AS (
  SELECT g.customer_id, g.product_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY g.gap) AS gap
  FROM gaps AS g WHERE g.gap IS NOT NULL GROUP BY g.customer_id, g.product_id
),
last AS (SELECT customer_id, product_id, max(day) AS day FROM days GROUP BY customer_id, product_id),
candidates AS (
  SELECT l.customer_id, l.name, row_number() OVER (
    PARTITION BY l.customer_id
    ORDER BY coalesce($3::date - last.day >= $4::float8 * u.gap, false) DESC, l.position
  ) AS place
  FROM lines AS l
  LEFT JOIN usual AS u ON u.customer_id = l.customer_id AND u.product_id = l.product_id
  LEFT JOIN last ON last.customer_id = l.customer_id AND last.product_id = l.product_id
),
categories AS (
  SELECT h.customer_id, k.name, row_number() OVER (PARTITION BY h.customer_id ORDER BY count(*) DESC, k.name) AS place
  FROM history AS h JOIN product AS p ON p.id = h.product_id JOIN category AS k ON k.id = p.category_id
  GROUP BY h.customer_id, k.id, k.name
),
owned AS MATERIALIZED (
  SELECT customer_id, array_agg(DISTINCT product_id) AS products FROM history WHERE product_id IS NOT NULL
  GROUP BY customer_id
),
best AS (
  SELECT DISTINCT ON (w.customer_id, b.other_id) w.customer_id, b.other_id, b.lift, b.shared
  FROM owned AS w CROSS JOIN LATERAL unnest(w.products) AS mine(product_id) CROSS JOIN LATERAL (
    SELECT x.other_id, x.lift, x.shared FROM {source} AS x
    WHERE x.product_id = mine.product_id AND x.other_id <> ALL(w.products)
      AND (x.other_id IN (SELECT id FROM product WHERE is_active)) IS TRUE
    ORDER BY x.lift DESC, x.shared DESC, x.other_id LIMIT $6
  ) AS b
  ORDER BY w.customer_id, b.other_id, b.lift DESC, b.shared DESC
),
upsells AS (
  SELECT customer_id, other_id,
    row_number() OVER (PARTITION BY customer_id ORDER BY lift DESC, shared DESC, other_id) AS place
  FROM best
)
SELECT 'reorder_candidates' AS kind, customer_id, name, place FROM candidates
UNION ALL SELECT 'top_categories', customer_id, name, place FROM categories WHERE place <= $5
UNION ALL
SELECT 'suggested_upsells', u.customer_id, p.name, u.place FROM upsells AS u JOIN product AS p ON p.id = u.other_id
WHERE u.place <= $6
ORDER BY kind, customer_id, place
"""
_PAIRS_COUNTED = _DETAILS.format(pairs=f"WITH {PAIRS},", source="paired")
_PAIRS_KEPT = _DETAILS.format(pairs="WITH", source="product_pair")
_FEW_LINES = "SELECT count(*) <= $1 FROM (SELECT FROM order_item LIMIT $1 + 1) AS lines"
_LAST_CALLS = f"""
SELECT c.id AS customer_id, l.created_at AS date, l.outcome, l.callback_date, l.notes
FROM customer AS c CROSS JOIN LATERAL ({NEWEST_CALL}) AS l WHERE c.id = ANY($1::bigint[])
"""  # noqa: S608 - constants of this module


@dataclass(slots=True)
class Details:
    """What is known in addition to the figures."""

    reorder_candidates: list[str] = field(default_factory=list)
    top_categories: list[str] = field(default_factory=list)
    suggested_upsells: list[str] = field(default_factory=list)
    last_call: dict[str, Any] | None = None


async def list_details(
    connection: asyncpg.Connection, customer_ids: Sequence[int], *, today: date, timezone: ZoneInfo
) -> dict[int, Details]:
    """Return the details of each of the customers by id."""
    found: dict[int, Details] = defaultdict(Details)
    if not customer_ids:
        return found
    ids = list(customer_ids)
    is_small = await connection.fetchval(_FEW_LINES, MOST_LINES_COUNTED_AT_ONCE)
    asked = (ids, timezone.key, today, DUE_AT, MOST_CATEGORIES, MOST_UPSELLS)
    for row in await connection.fetch(_PAIRS_COUNTED if is_small else _PAIRS_KEPT, *asked):
        getattr(found[row["customer_id"]], row["kind"]).append(row["name"])
    for row in await connection.fetch(_LAST_CALLS, ids):
        found[row["customer_id"]].last_call = {
            name: row[name] for name in ("date", "outcome", "callback_date", "notes")
        }
    return found
