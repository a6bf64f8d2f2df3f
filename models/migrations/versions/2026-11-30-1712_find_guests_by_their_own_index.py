"""find guests by their own index

Revision ID: 8d20f6a3b7c1
Revises: 5be1c07f92d4
"""

import sqlalchemy as sa
from alembic import op

revision = "8d20f6a3b7c1"
down_revision = "5be1c07f92d4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_index(
        "ix_orders_guests",
        "orders",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        postgresql_include=["search_text"],
        postgresql_where=sa.text("customer_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_orders_guests", "orders")
