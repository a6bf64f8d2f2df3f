"""What of a line was never found, so that the rest ships.

Revision ID: ship_short
Revises: 030df2f237eb
"""

import sqlalchemy as sa
from alembic import op

revision = "ship_short"
down_revision = "030df2f237eb"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_item", sa.Column("short_quantity", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint("short_within", "order_item", "short_quantity BETWEEN 0 AND quantity")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_order_item_short_within"), "order_item")
    op.drop_column("order_item", "short_quantity")
