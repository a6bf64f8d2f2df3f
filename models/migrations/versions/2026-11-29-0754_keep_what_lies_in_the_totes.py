"""What lies in a tote: lines of orders that were taken on the way along a pick list.

Revision ID: e149bc534e3b
Revises: 4e0b7d92c5a8
"""

import sqlalchemy as sa
from alembic import op

revision = "e149bc534e3b"
down_revision = "4e0b7d92c5a8"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "picked_line",
        sa.Column("order_item_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_picked_line_quantity_not_below_zero")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_picked_line_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["order_item_id"], ["order_item.id"], name=op.f("fk_picked_line_order_item_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_item_id", name=op.f("pk_picked_line")),
    )
    op.create_index(op.f("ix_picked_line_order_id"), "picked_line", ["order_id"])


def downgrade() -> None:
    op.drop_table("picked_line")
