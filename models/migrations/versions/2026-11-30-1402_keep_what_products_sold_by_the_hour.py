"""keep what products sold by the hour

Revision ID: 4c8b6f02ad91
Revises: 7d3e90b1c5f4

The release before this one stores hours without orders and revenue; readers recount these hours.
"""

import sqlalchemy as sa
from alembic import op

revision = "4c8b6f02ad91"
down_revision = "7d3e90b1c5f4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product_hour", sa.Column("orders", sa.BigInteger(), nullable=True))
    op.add_column("product_hour", sa.Column("revenue", sa.Numeric(precision=18, scale=2), nullable=True))


def downgrade() -> None:
    op.drop_column("product_hour", "revenue")
    op.drop_column("product_hour", "orders")
