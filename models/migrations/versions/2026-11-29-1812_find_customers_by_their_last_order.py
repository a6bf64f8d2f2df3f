"""find customers by their last order, and count them from an index

Revision ID: b6ac13f3f9ab
Revises: c95e2a18f0b3
"""

import sqlalchemy as sa
from alembic import op

revision = "b6ac13f3f9ab"
down_revision = "c95e2a18f0b3"
branch_labels = None
depends_on = None


ON_TERMS = sa.text("on_terms AND NOT on_hold AND balance > 0")
OPEN = sa.text("status IN ('sent', 'partly_paid')")


def upgrade() -> None:
    op.create_index("ix_customer_sales_last_day", "customer_sales", ["last_day", "customer_id"])
    op.create_index(
        "ix_customer_listed",
        "customer",
        ["id"],
        postgresql_include=["created_at", "payment_terms", "credit_limit", "sales_rep_id", "shipping_state"],
        postgresql_where=sa.text("is_active OR username NOT LIKE 'deleted-%' OR email IS NOT NULL"),
    )
    # What everybody owes is read from the indexes alone.
    op.drop_index("ix_orders_owed_on_terms", table_name="orders")
    op.create_index(
        "ix_orders_owed_on_terms",
        "orders",
        ["customer_id", "created_at"],
        postgresql_include=["id", "balance"],
        postgresql_where=ON_TERMS,
    )
    op.drop_index("ix_invoice_owed", table_name="invoice")
    op.create_index(
        "ix_invoice_owed",
        "invoice",
        ["customer_id", "overdue_from"],
        postgresql_include=["balance"],
        postgresql_where=OPEN,
    )


def downgrade() -> None:
    op.drop_index("ix_invoice_owed", table_name="invoice")
    op.create_index("ix_invoice_owed", "invoice", ["customer_id", "overdue_from"], postgresql_where=OPEN)
    op.drop_index("ix_orders_owed_on_terms", table_name="orders")
    op.create_index("ix_orders_owed_on_terms", "orders", ["customer_id", "created_at"], postgresql_where=ON_TERMS)
    op.drop_index("ix_customer_listed", table_name="customer")
    op.drop_index("ix_customer_sales_last_day", table_name="customer_sales")
