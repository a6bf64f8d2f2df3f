"""count what was traded before, hour by hour

Revision ID: d1f86b42c057
Revises: c5a1e0739d24

The triggers are there already: what changes meanwhile is noted, and counted again.
"""

from alembic import op

revision = "d1f86b42c057"
down_revision = "c5a1e0739d24"
branch_labels = None
depends_on = None

_HOUR = "date_trunc('hour', {0}, 'UTC')"
TRADE = f"""
INSERT INTO trade_hour (hour, orders, sales, fees, goods, bare_lines, bare_sales, allowances, shipping)
SELECT {_HOUR.format("at")}, sum(orders), sum(sales), sum(fees), sum(goods), sum(bare_lines), sum(bare_sales),
  sum(allowances), sum(shipping)
FROM (
  SELECT o.created_at AS at, 1 AS orders, o.subtotal - o.discount_amount AS sales, o.delivery_fee AS fees,
    0::numeric AS goods, 0::bigint AS bare_lines, 0::numeric AS bare_sales, 0::numeric AS allowances,
    0::numeric AS shipping
  FROM orders AS o WHERE o.status <> 'cancelled'
  UNION ALL
  SELECT o.created_at, 0, 0, 0, i.quantity * coalesce(i.unit_cost, 0), (i.unit_cost IS NULL)::int,
    CASE WHEN i.unit_cost IS NULL THEN i.line_total ELSE 0 END, 0, 0
  FROM order_item AS i JOIN orders AS o ON o.id = i.order_id WHERE o.status <> 'cancelled'
  UNION ALL
  SELECT created_at, 0, 0, 0, 0, 0, 0, -applied_amount, 0 FROM payment
  WHERE given_back = 'allowance' AND given_for <> 'cancelled' AND state = 'succeeded' AND note !~ '^CM-[0-9]{{6,}}$'
  UNION ALL
  SELECT created_at, 0, 0, 0, 0, 0, 0, amount, 0 FROM credit_memo
  UNION ALL
  SELECT bought_at, 0, 0, 0, 0, 0, 0, 0, coalesce(rate, 0) + coalesce(insurance, 0) FROM label
  WHERE bought_at IS NOT NULL AND state = 'bought' AND refund_status IS DISTINCT FROM 'refunded'
) AS each GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - ours
PRODUCTS = f"""
INSERT INTO product_hour (hour, product_id, units)
SELECT {_HOUR.format("o.created_at")}, i.product_id, sum(i.quantity)
FROM order_item AS i JOIN orders AS o ON o.id = i.order_id
WHERE o.status <> 'cancelled' AND i.product_id IS NOT NULL
  AND o.created_at >= {_HOUR.format("now() - interval '90 days'")}
GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - ours
PACE = (
    "INSERT INTO product_pace (product_id, units) SELECT product_id, sum(units) FROM product_hour GROUP BY 1 ORDER BY 1"
)


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    # A worker that counts hours already waits until all of them are.
    op.execute("SELECT pg_advisory_xact_lock(hashtext('hour_change'))")
    for table in ("trade_hour", "product_hour", "product_pace"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
    for statement in (TRADE, PRODUCTS, PACE):
        op.execute(statement)


def downgrade() -> None:
    pass
