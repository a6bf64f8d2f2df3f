"""Customers of a rep or a state are found in the order they joined.

Revision ID: 7fd2bfb00a36
Revises: 3b9f6d20c7e1
"""

import sqlalchemy as sa
from alembic import op

revision = "7fd2bfb00a36"
down_revision = "3b9f6d20c7e1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    newest: list[sa.ColumnElement[object]] = [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]
    op.create_index("ix_customer_rep_created", "customer", ["sales_rep_id", *newest])
    op.create_index("ix_customer_state_created", "customer", ["shipping_state", *newest])
    op.drop_index("ix_customer_sales_rep_id", table_name="customer")


def downgrade() -> None:
    op.create_index("ix_customer_sales_rep_id", "customer", ["sales_rep_id"])
    op.drop_index("ix_customer_state_created", table_name="customer")
    op.drop_index("ix_customer_rep_created", table_name="customer")
