"""Keep with a commission what it was of, so that a locked statement reads the same for ever.

Revision ID: 8e2f5b7c13a9
Revises: 61c0d9e4a7f2
"""

import sqlalchemy as sa
from alembic import op

revision = "8e2f5b7c13a9"
down_revision = "61c0d9e4a7f2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("commission_entry", sa.Column("customer", sa.Text(), server_default="", nullable=False))
    op.add_column("commission_entry", sa.Column("base", sa.Numeric(12, 2), nullable=True))
    op.add_column("commission_entry", sa.Column("percent", sa.Numeric(5, 2), nullable=True))
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.execute("""
        UPDATE commission_entry AS e SET customer = coalesce(nullif(o.delivery_company, ''), o.delivery_name, ''),
          base = o.subtotal - o.discount_amount, percent = o.commission_percent
        FROM orders AS o WHERE o.id = e.order_id
    """)


def downgrade() -> None:
    op.drop_column("commission_entry", "percent")
    op.drop_column("commission_entry", "base")
    op.drop_column("commission_entry", "customer")
