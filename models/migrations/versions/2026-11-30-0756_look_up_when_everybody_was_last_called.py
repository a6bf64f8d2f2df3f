"""look up when everybody was last called

Revision ID: e85b2f60d71c
Revises: 7c41e09ab6d2

The triggers are there already: whose calls change meanwhile is noted, and looked up again.
"""

import sqlalchemy as sa
from alembic import op

revision = "e85b2f60d71c"
down_revision = "7c41e09ab6d2"
branch_labels = None
depends_on = None

LOOK_UP = """
UPDATE customer_sales AS s SET is_barred = reach.is_barred, called_at = reach.called_at,
  call_back_on = reach.call_back_on
FROM (
  SELECT c.id, NOT (c.is_active AND c.phone IS NOT NULL AND NOT c.do_not_call) OR EXISTS (
      SELECT FROM suppressed_number AS n WHERE n.phone IN (c.phone, c.phone2) AND n.do_not_call
    ) AS is_barred,
    newest.created_at AS called_at,
    CASE WHEN newest.outcome IN ('interested_callback', 'busy_callback') THEN newest.callback_date END AS call_back_on
  FROM customer AS c LEFT JOIN LATERAL (
    SELECT * FROM (
      (SELECT id, created_at, outcome, callback_date FROM outbound_call_log WHERE customer_id = c.id
       ORDER BY created_at DESC, id DESC LIMIT 1)
      UNION ALL
      (SELECT id, created_at, outcome, callback_date FROM outbound_call_log WHERE phone = c.phone
       ORDER BY created_at DESC, id DESC LIMIT 1)
    ) AS logged ORDER BY created_at DESC, id DESC LIMIT 1
  ) AS newest ON true
) AS reach
WHERE reach.id = s.customer_id AND s.is_barred IS NULL
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.execute(LOOK_UP)
    op.drop_index("ix_customer_sales_due", table_name="customer_sales")
    op.create_index(
        "ix_customer_sales_due",
        "customer_sales",
        ["last_day", "own_cycle"],
        postgresql_include=["customer_id", "order_count", "worth", "called_at", "call_back_on"],
        postgresql_where=sa.text("NOT is_barred"),
    )
    op.create_index(
        "ix_customer_sales_unknown", "customer_sales", ["customer_id"], postgresql_where=sa.text("is_barred IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_customer_sales_unknown", table_name="customer_sales")
    op.drop_index("ix_customer_sales_due", table_name="customer_sales")
    op.create_index(
        "ix_customer_sales_due",
        "customer_sales",
        ["last_day", "own_cycle"],
        postgresql_include=["customer_id", "order_count", "worth"],
    )
