"""count what was bought before

Revision ID: adafdad08844
Revises: e5e13883653f

The triggers are there already: what changes meanwhile is noted, and comes on top.
"""

from alembic import op

revision = "adafdad08844"
down_revision = "e5e13883653f"
branch_labels = None
depends_on = None

# One snapshot takes away the notes that it counts.
BOUGHT = """
WITH noted AS (DELETE FROM purchase_count)
INSERT INTO purchase_count (skus, names, orders)
SELECT array_agg(sku), array_agg(name), array_agg(orders) FROM (
  SELECT sku, name, count(*) AS orders FROM (
    SELECT i.product_sku AS sku, max(i.product_name) AS name
    FROM order_item AS i JOIN orders AS o ON o.id = i.order_id
    WHERE o.status <> 'cancelled' AND i.product_sku <> '' GROUP BY i.order_id, i.product_sku
  ) AS each GROUP BY sku, name
) AS counted HAVING count(*) > 0
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.execute(BOUGHT)


def downgrade() -> None:
    pass
