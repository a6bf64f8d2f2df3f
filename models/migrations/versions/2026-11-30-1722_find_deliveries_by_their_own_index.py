"""find deliveries of goods by their own index

Revision ID: 06fd8a2c94e7
Revises: 74b9d3e8a5f0
"""

import sqlalchemy as sa
from alembic import op

revision = "06fd8a2c94e7"
down_revision = "74b9d3e8a5f0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_index(
        "ix_stock_movement_received",
        "stock_movement",
        ["product_id", "id"],
        postgresql_where=sa.text("reason = 'received' AND delta > 0"),
    )


def downgrade() -> None:
    op.drop_index("ix_stock_movement_received", "stock_movement")
