"""count the journal of what was before, hour by hour

Revision ID: e94b20f7a613
Revises: a7c3d95e1f48

The triggers are there already: what changes meanwhile is noted, and counted again.
"""

from alembic import op

revision = "e94b20f7a613"
down_revision = "a7c3d95e1f48"
branch_labels = None
depends_on = None

COUNT = """
WITH changed AS MATERIALIZED (
  SELECT DISTINCT date_trunc('hour', at, 'UTC') AS hour
  FROM (
    SELECT created_at AS at FROM payment WHERE state = 'succeeded' UNION ALL SELECT created_at FROM credit_memo
    UNION ALL SELECT sent_at FROM invoice WHERE sent_at IS NOT NULL
    UNION ALL SELECT voided_at FROM invoice WHERE voided_at IS NOT NULL
  ) AS each
),
posted AS MATERIALIZED (
SELECT e.at, e.kind, e.owner, p.account, p.debit
FROM (
SELECT i.sent_at AS at, 'invoice' AS kind, 'i' || i.id AS owner, '' AS method, total_amount AS amount,
  total_amount - shipping_fee - tax_amount AS goods, shipping_fee AS delivery, tax_amount AS tax, 0.00 AS rest
FROM changed AS h CROSS JOIN LATERAL (SELECT * FROM invoice WHERE sent_at >= h.hour AND sent_at < h.hour + interval '1 hour' OFFSET 0) AS i
UNION ALL
SELECT i.voided_at, 'void', 'i' || i.id, '', -total_amount, shipping_fee + tax_amount - total_amount, -shipping_fee,
  -tax_amount, (SELECT coalesce(sum(m.amount), 0) FROM credit_memo AS m WHERE m.invoice_id = i.id)
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT * FROM invoice WHERE voided_at >= h.hour AND voided_at < h.hour + interval '1 hour' AND sent_at IS NOT NULL OFFSET 0
) AS i
UNION ALL
SELECT m.created_at, 'credit', 'm' || m.id, '', m.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (SELECT * FROM credit_memo WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' OFFSET 0) AS m
UNION ALL
SELECT p.created_at, v.kind, p.owner, v.method, v.amount, v.goods, v.delivery, 0,
  CASE WHEN p.invoice_id IS NULL AND NOT EXISTS (
    SELECT FROM invoice AS b WHERE b.order_id = p.order_id AND b.sent_at <= p.created_at
      AND (b.voided_at IS NULL OR b.voided_at > p.created_at)
  ) THEN 1 ELSE 0 END
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT *, coalesce('i' || invoice_id, 'o' || order_id) AS owner, coalesce(given_back = 'allowance' AND given_for <> 'cancelled' AND note !~ '^CM-[0-9]{6,}$', false) AS is_allowance
  FROM payment WHERE created_at >= h.hour AND created_at < h.hour + interval '1 hour' AND state = 'succeeded' OFFSET 0
) AS p
CROSS JOIN LATERAL (
  VALUES (CASE WHEN amount > 0 THEN 'payment' ELSE 'refund' END, method, amount, applied_amount,
      amount - applied_amount),
    (CASE WHEN is_allowance THEN 'allowance' END, '', -applied_amount, 0, 0)
) AS v(kind, method, amount, goods, delivery)
WHERE v.kind IS NOT NULL
UNION ALL
SELECT i.at, 'matched', 'i' || i.id, '', p.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id, order_id, sent_at AS at FROM invoice WHERE sent_at >= h.hour AND sent_at < h.hour + interval '1 hour' OFFSET 0
) AS i
CROSS JOIN LATERAL (
  SELECT sum(applied_amount) AS amount FROM payment
  WHERE order_id = i.order_id AND created_at < i.at AND state = 'succeeded' AND NOT coalesce(given_back = 'allowance' AND given_for <> 'cancelled' AND note !~ '^CM-[0-9]{6,}$', false)
  HAVING count(*) > 0
) AS p
UNION ALL
SELECT i.at, 'unmatched', 'i' || i.id, '', -p.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id, order_id, voided_at AS at FROM invoice
  WHERE voided_at >= h.hour AND voided_at < h.hour + interval '1 hour' AND sent_at IS NOT NULL OFFSET 0
) AS i
CROSS JOIN LATERAL (
  SELECT sum(applied_amount) AS amount FROM payment
  WHERE order_id = i.order_id AND created_at < i.at AND state = 'succeeded' AND NOT coalesce(given_back = 'allowance' AND given_for <> 'cancelled' AND note !~ '^CM-[0-9]{6,}$', false)
  HAVING count(*) > 0
) AS p
) AS e
CROSS JOIN LATERAL (
  VALUES (kind IN ('invoice', 'void'), '1200 Receivables', amount + rest), (kind IN ('invoice', 'void'), '4000 Sales', -goods),
    (kind IN ('invoice', 'void'), '4100 Delivery', -delivery), (kind IN ('invoice', 'void'), '2200 Sales tax to pay', -tax),
    (kind IN ('invoice', 'void'), '4900 Returns and allowances', -rest),
    (kind = 'credit', '4900 Returns and allowances', amount), (kind = 'credit', '1200 Receivables', -amount),
    (kind = 'allowance', '4900 Returns and allowances', amount), (kind = 'allowance', CASE WHEN rest <> 0 THEN '2400 Paid on orders not invoiced' ELSE '1200 Receivables' END, -amount),
    (kind IN ('matched', 'unmatched'), '2400 Paid on orders not invoiced', amount), (kind IN ('matched', 'unmatched'), '1200 Receivables', -amount),
    (kind IN ('payment', 'refund'), CASE WHEN method IN ('cash', 'check', 'net30') THEN '1000 Cash and checks'
      WHEN method = 'ach' THEN '1010 Bank transfers' WHEN method = 'credit_card' THEN '1020 Card clearing'
      ELSE '2300 Store credit owed' END, amount), (kind IN ('payment', 'refund'), CASE WHEN rest <> 0 THEN '2400 Paid on orders not invoiced' ELSE '1200 Receivables' END, -goods), (kind IN ('payment', 'refund'), '2300 Store credit owed', -delivery)
) AS p(counts, account, debit)
WHERE p.counts AND p.debit <> 0
)
INSERT INTO journal_hour (hour, kind, account, entries, postings, debit, credit)
SELECT * FROM (
SELECT date_trunc('hour', at, 'UTC') AS at, kind, account, 0 AS entries, count(*) AS postings, sum(greatest(debit, 0)) AS debit,
  sum(greatest(-debit, 0)) AS credit
FROM posted GROUP BY 1, kind, account
UNION ALL SELECT date_trunc('hour', at, 'UTC'), kind, '', count(DISTINCT (at, owner)), 0, 0, 0 FROM posted GROUP BY 1, kind
) AS each ORDER BY 1, 2, 3
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    # A worker that counts hours already waits until all of them are.
    op.execute("SELECT pg_advisory_xact_lock(hashtext('hour_change'))")
    op.execute("DELETE FROM journal_hour")
    op.execute(COUNT)


def downgrade() -> None:
    pass
