"""Updates the calling list after a new or changed order: the order totals of the customer's entries, and their score.

An entry that somebody is working on is left to a job, so that orders never wait for a call.
"""

import asyncpg

from domain.orders.business import current_business
from models import OrderStatus
from models.calling import DECAYED_POINTS

ORDER_PLACED_POINTS = -40.0
# From 0.8 to 1.3 of a customer's mean gap between order days after the last order, in whole business days; NULL before
# the second order day. A gap is at least one day. The placeholders are the first and last day, and the number of order
# days.
WINDOW = """
CASE WHEN {days} > 1 THEN {last} + (
  (4 * greatest({last} - {first}, {days} - 1) + 5 * ({days} - 1) - 1) / (5 * ({days} - 1)))::int END AS window_from,
CASE WHEN {days} > 1 THEN {last} + (13 * greatest({last} - {first}, {days} - 1) / (10 * ({days} - 1)))::int END
  AS window_until
"""
JOB = "refresh_calling_totals"

_NOTE = """
INSERT INTO calling_event (entry_id, kind, points, created_at)
SELECT id, 'order_placed', $2, $3 FROM calling_entry WHERE customer_id = $1
"""
_REFRESH = f"""
WITH wanted AS (
  SELECT id FROM calling_entry WHERE customer_id = $1 ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
),
t AS (
  SELECT s.*, {WINDOW.format(first="s.first_day", last="s.last_day", days="s.days")} FROM (
    SELECT count(*) AS orders, count(DISTINCT (created_at AT TIME ZONE $2)::date) AS days,
      coalesce(sum(total_amount), 0) AS spend, min(created_at) AS first_at, max(created_at) AS last_at,
      (min(created_at) AT TIME ZONE $2)::date AS first_day, (max(created_at) AT TIME ZONE $2)::date AS last_day
    FROM orders WHERE customer_id = $1 AND status <> 'cancelled'
  ) AS s
),
written AS (
  UPDATE calling_entry AS e SET order_count = t.orders, order_days = t.days, total_spend = t.spend,
    first_order_at = t.first_at, last_order_at = t.last_at, window_from = t.window_from, window_until = t.window_until,
    priority_score = least(100, greatest(0, e.base_score + {DECAYED_POINTS}))
  FROM wanted, t WHERE e.id = wanted.id RETURNING e.id
),
late AS (
  SELECT WHERE (SELECT count(*) FROM calling_entry WHERE customer_id = $1) > (SELECT count(*) FROM written)
)
SELECT enqueue_job('{JOB}', jsonb_build_object('customer_id', $1::bigint), '{JOB}:' || $1::bigint) FROM late
"""  # noqa: S608 - constants of ours


async def note_new_order(
    connection: asyncpg.Connection, customer_id: int, status: OrderStatus, placed_at: object
) -> None:
    """Record an order as an event on its customer's entries and update their totals; ignores a cancelled order."""
    if status is not OrderStatus.CANCELLED:
        await connection.execute(_NOTE, customer_id, ORDER_PLACED_POINTS, placed_at)
        await refresh_calling_totals(connection, customer_id)


async def refresh_calling_totals(connection: asyncpg.Connection, customer_id: int) -> None:
    """Recalculate the order totals on a customer's entries."""
    await connection.execute(_REFRESH, customer_id, str(current_business().timezone))
