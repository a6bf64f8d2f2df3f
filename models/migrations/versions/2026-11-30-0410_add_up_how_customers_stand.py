"""add up how customers stand

Revision ID: 5b0c1d7e92af
Revises: 1a824882ee84

The triggers are there already: who changes meanwhile is noted, and added up again.
"""

from alembic import op

revision = "5b0c1d7e92af"
down_revision = "1a824882ee84"
branch_labels = None
depends_on = None

STAND = """
INSERT INTO customer_standing (
  customer_id, first_at, first_rep_id, owes, overdue_at, on_terms, is_over_limit, is_listed
)
WITH owed AS (
  SELECT customer_id, sum(balance) AS owes, min(overdue_at) AS overdue_at FROM (
    SELECT o.customer_id, o.balance, o.created_at + interval '30 days 1 microsecond' AS overdue_at
    FROM orders AS o
    WHERE o.customer_id IS NOT NULL AND o.on_terms AND NOT o.on_hold AND o.balance > 0 AND NOT EXISTS (
      SELECT FROM invoice AS i WHERE i.order_id = o.id AND i.status IN ('sent', 'partly_paid', 'paid')
    )
    UNION ALL
    SELECT i.customer_id, i.balance, i.overdue_from FROM invoice AS i
    WHERE i.customer_id IS NOT NULL AND i.status IN ('sent', 'partly_paid')
  ) AS each GROUP BY customer_id
),
began AS (
  SELECT DISTINCT ON (customer_id) customer_id, created_at AS first_at, sales_rep_id AS first_rep_id FROM orders
  WHERE customer_id IS NOT NULL AND status <> 'cancelled' ORDER BY customer_id, created_at, id
)
SELECT c.id, b.first_at, b.first_rep_id, coalesce(d.owes, 0), d.overdue_at, c.payment_terms = 'net30',
  coalesce(d.owes, 0) > c.credit_limit, c.is_active OR c.username NOT LIKE 'deleted-%' OR c.email IS NOT NULL
FROM customer AS c LEFT JOIN owed AS d ON d.customer_id = c.id LEFT JOIN began AS b ON b.customer_id = c.id
WHERE b.first_at IS NOT NULL OR d.owes > 0
ORDER BY c.id
ON CONFLICT (customer_id) DO NOTHING
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.execute(STAND)


def downgrade() -> None:
    pass
