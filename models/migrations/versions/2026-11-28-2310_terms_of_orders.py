"""An order says by itself that it is on terms, what was allowed off it, what is owed on it and what goes back.

Revision ID: terms_of_orders
Revises: suppress_numbers
"""

import sqlalchemy as sa
from alembic import op

revision = "terms_of_orders"
down_revision = "suppress_numbers"
branch_labels = None
depends_on = None

_BALANCE = "CASE WHEN status = 'cancelled' THEN 0 ELSE greatest(total_amount - allowances - amount_paid, 0) END"
_REFUND_DUE = (
    "overpaid + CASE WHEN status = 'cancelled' THEN amount_paid "
    "ELSE greatest(amount_paid - greatest(total_amount - allowances, 0), 0) END"
)
# A photo of a check used to take an order off its terms: one that still waits for money goes back to them.
_ON_TERMS = """
UPDATE orders AS o SET on_terms = true
WHERE payment_method = 'net30' OR (
  payment_method = 'check' AND amount_paid < total_amount AND status <> 'cancelled'
  AND EXISTS (SELECT FROM paper_check AS c WHERE c.order_id = o.id)
  AND EXISTS (SELECT FROM customer AS c WHERE c.id = o.customer_id AND c.payment_terms = 'net30')
)
"""
_RELEASED = """
UPDATE orders AS o SET released_total = total_amount
WHERE on_terms AND NOT on_hold AND EXISTS (
  SELECT FROM order_event AS e WHERE e.order_id = o.id AND e.kind = 'released'
)
"""


def upgrade() -> None:
    money = sa.Numeric(12, 2)
    op.add_column("orders", sa.Column("on_terms", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("orders", sa.Column("released_total", money, nullable=True))
    op.add_column("orders", sa.Column("allowances", money, server_default="0", nullable=False))
    op.add_column("orders", sa.Column("overpaid", money, server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_orders_allowances_not_negative"), "orders", "allowances >= 0")
    op.create_check_constraint(op.f("ck_orders_overpaid_not_negative"), "orders", "overpaid >= 0")
    op.execute(_ON_TERMS)
    op.execute(_RELEASED)
    # One rewrite of the table for both.
    op.execute(
        f"ALTER TABLE orders ADD COLUMN balance numeric(12, 2) GENERATED ALWAYS AS ({_BALANCE}) STORED, "
        f"ADD COLUMN refund_due numeric(12, 2) GENERATED ALWAYS AS ({_REFUND_DUE}) STORED"
    )
    op.create_index(
        "ix_orders_owed_on_terms",
        "orders",
        ["customer_id", "created_at"],
        postgresql_where=sa.text("on_terms AND NOT on_hold AND balance > 0"),
    )


def downgrade() -> None:
    op.drop_index("ix_orders_owed_on_terms", table_name="orders")
    for name in ("refund_due", "balance", "overpaid", "allowances", "released_total", "on_terms"):
        op.drop_column("orders", name)
