"""The commission of an order: fixed when it is placed, due when it is paid in full, taken back when money is given
back.

The ledger's sum is made equal to what is due: any difference is written as one new row, so that the sum is right for
any sequence of payments, refunds and cancellations.
"""

import asyncpg

from domain.orders.business import current_business

# An advisory lock: shared by settling, exclusive for locking a month, so that no row is added to a month just locked.
MONTH_LOCK = 7_103_115

# The rate is the newest that had begun on the order's business day. Rounding is half up, away from zero. A mark as paid
# is for one rep; the next one has to be paid.
_FIX = """
UPDATE orders AS o SET commission_rep_id = o.sales_rep_id, commission_percent = r.percent,
  commission_amount = round(greatest(o.subtotal - o.discount_amount, 0) * r.percent / 100, 2),
  commission_paid = o.commission_paid AND r.is_same_rep,
  commission_paid_at = CASE WHEN r.is_same_rep THEN o.commission_paid_at END,
  commission_paid_by = CASE WHEN r.is_same_rep THEN o.commission_paid_by ELSE '' END
FROM (
  SELECT w.id, w.commission_rep_id IS NOT DISTINCT FROM w.sales_rep_id AS is_same_rep,
    CASE WHEN w.sales_rep_id IS NOT NULL THEN coalesce((
    SELECT percent FROM commission_rate
    WHERE staff_id = w.sales_rep_id AND starts_on <= (w.created_at AT TIME ZONE $2)::date
    ORDER BY starts_on DESC LIMIT 1
  ), $3::numeric) END AS percent
  FROM orders AS w WHERE w.id = $1
) AS r
WHERE o.id = r.id AND (o.commission_rep_id, o.commission_percent, o.commission_amount) IS DISTINCT FROM
  (o.sales_rep_id, r.percent, round(greatest(o.subtotal - o.discount_amount, 0) * r.percent / 100, 2))
"""
# If paid in full, the commission is due, less the share of allowances; if cancelled or unpaid again, nothing is due. A
# commission that was marked as paid before the customer paid is an advance: it counts as due, and its entry is paid,
# until the order is cancelled or gets another rep. The note of an entry says which it was.
_SETTLE = """
WITH due AS (
  SELECT id, order_number, commission_rep_id AS staff_id, coalesce(nullif(delivery_company, ''), delivery_name, '') AS
    customer, commission_percent AS percent, round((subtotal - discount_amount) * share, 2) AS base,
    round(commission_amount * share, 2) AS amount, commission_paid_at AS paid_at, commission_paid_by AS paid_by,
    CASE WHEN is_over THEN 'cancelled' ELSE payment_status END AS note
  FROM orders, LATERAL (SELECT status = 'cancelled' OR $3 AS is_over) AS way, LATERAL (SELECT CASE
    WHEN commission_rep_id IS NULL OR is_over THEN 0
    WHEN payment_status IN ('paid', 'partially_refunded', 'refunded')
      OR commission_paid AND NOT EXISTS (SELECT FROM commission_entry AS e WHERE e.order_id = orders.id
        AND e.staff_id = orders.commission_rep_id AND e.note IN ('paid', 'partially_refunded', 'refunded', 'cancelled'))
      THEN greatest(0, 1 - allowances / greatest(total_amount, 0.01))
    ELSE 0 END AS share) AS s
  WHERE id = ANY($1::bigint[])
),
kept AS (
  SELECT order_id, staff_id, sum(amount) AS amount, sum(sign(amount) * abs(base)) AS base,
    (array_agg(percent ORDER BY id DESC))[1] AS percent
  FROM commission_entry WHERE order_id = ANY($1::bigint[]) GROUP BY order_id, staff_id
),
change AS (
  SELECT coalesce(kept.order_id, due.id) AS order_id, coalesce(kept.staff_id, due.staff_id) AS staff_id,
    coalesce(due.percent, kept.percent) AS percent, coalesce(due.amount, 0) - coalesce(kept.amount, 0) AS amount,
    coalesce(due.base, 0) - coalesce(kept.base, 0) AS base
  FROM (SELECT * FROM due WHERE staff_id IS NOT NULL) AS due
  FULL JOIN kept ON kept.order_id = due.id AND kept.staff_id = due.staff_id
),
month AS (
  SELECT min(m)::date AS first FROM generate_series(
    date_trunc('month', now() AT TIME ZONE $2), date_trunc('month', now() AT TIME ZONE $2) + interval '12 months',
    interval '1 month'
  ) AS m WHERE NOT EXISTS (SELECT FROM commission_month AS locked WHERE locked.month = m::date)
)
INSERT INTO commission_entry (
  order_id, order_number, staff_id, kind, amount, month, note, customer, base, percent, paid_at, paid_by
)
SELECT d.id, d.order_number, c.staff_id, CASE WHEN c.amount > 0 THEN 'earned' ELSE 'taken_back' END,
  c.amount, month.first, CASE WHEN c.staff_id = d.staff_id THEN d.note ELSE 'reassigned' END, d.customer, c.base,
  c.percent, CASE WHEN is_first THEN d.paid_at END, CASE WHEN is_first THEN d.paid_by ELSE '' END
FROM change AS c JOIN due AS d ON d.id = c.order_id CROSS JOIN month, LATERAL (
  SELECT c.staff_id = d.staff_id AND NOT EXISTS (
    SELECT FROM kept WHERE kept.order_id = d.id AND kept.staff_id = d.staff_id
  )) AS f(is_first)
WHERE c.amount <> 0 ORDER BY d.id, c.amount
"""


async def fix_commission(connection: asyncpg.Connection, order_id: int) -> None:
    """Set an order's commission by its rep's rate. For new orders, and while an order is pending."""
    business = current_business()
    await connection.execute(_FIX, order_id, str(business.timezone), business.commission_pct)


async def settle_commissions(connection: asyncpg.Connection, *order_ids: int, are_deleted: bool = False) -> None:
    """Make the ledger equal to what is due for locked orders; for orders about to be deleted, nothing is due."""
    await connection.execute(f"SELECT pg_advisory_xact_lock_shared({MONTH_LOCK})")
    await connection.execute(_SETTLE, order_ids, str(current_business().timezone), are_deleted)
