"""Keep with a commission when it was paid and by whom, so that what is taken back later is still to be settled.

Revision ID: 5c7e1d90ab34
Revises: 8e2f5b7c13a9
"""

import sqlalchemy as sa
from alembic import op

revision = "5c7e1d90ab34"
down_revision = "8e2f5b7c13a9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("commission_entry", sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("commission_entry", sa.Column("paid_by", sa.Text(), server_default="", nullable=False))
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.execute("""
        UPDATE commission_entry AS e SET paid_at = o.commission_paid_at, paid_by = o.commission_paid_by
        FROM orders AS o
        WHERE o.id = e.order_id AND o.commission_paid AND e.created_at <= o.commission_paid_at
    """)
    op.create_index(
        "ix_commission_entry_open", "commission_entry", ["staff_id"], postgresql_where=sa.text("paid_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_commission_entry_open", table_name="commission_entry")
    op.drop_column("commission_entry", "paid_by")
    op.drop_column("commission_entry", "paid_at")
