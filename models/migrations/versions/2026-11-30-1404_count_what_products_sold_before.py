"""count what products sold before

Revision ID: e19d57a3f680
Revises: 4c8b6f02ad91

Waits for the job that counts hours, and makes it wait. Hours that change in the meantime are noted and counted again.
"""

from alembic import op

revision = "e19d57a3f680"
down_revision = "4c8b6f02ad91"
branch_labels = None
depends_on = None

COUNT = """
UPDATE product_hour AS p SET orders = sold.orders, revenue = sold.revenue
FROM (
  SELECT date_trunc('hour', o.created_at, 'UTC') AS hour, i.product_id, count(DISTINCT o.id) AS orders,
    sum(i.line_total) AS revenue
  FROM orders AS o JOIN order_item AS i ON i.order_id = o.id
  WHERE o.created_at >= (SELECT min(hour) FROM product_hour) AND o.status <> 'cancelled' AND i.product_id IS NOT NULL
  GROUP BY 1, 2
) AS sold
WHERE sold.hour = p.hour AND sold.product_id = p.product_id
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.execute("SELECT pg_advisory_xact_lock(hashtext('hour_change'))")
    op.execute(COUNT)
    op.create_index(
        "ix_product_hour_product",
        "product_hour",
        ["product_id", "hour"],
        postgresql_include=["units", "orders", "revenue"],
    )


def downgrade() -> None:
    op.drop_index(
        "ix_product_hour_product", table_name="product_hour", postgresql_include=["units", "orders", "revenue"]
    )
