"""Keep what vendors quote for a request, and which model proposed a prompt at which cost.

Revision ID: 9d3c51f7a0e4
Revises: 5e1f0c7a93d4
"""

import sqlalchemy as sa
from alembic import op

revision = "9d3c51f7a0e4"
down_revision = "5e1f0c7a93d4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rfq_quote",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("rfq_id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=True),
        sa.Column("vendor_name", sa.String(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("minimum_quantity", sa.Integer(), nullable=True),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("is_chosen", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("unit_price > 0", name=op.f("ck_rfq_quote_price_positive")),
        sa.CheckConstraint("minimum_quantity > 0", name=op.f("ck_rfq_quote_minimum_positive")),
        sa.CheckConstraint("lead_days >= 0", name=op.f("ck_rfq_quote_lead_not_negative")),
        sa.ForeignKeyConstraint(["rfq_id"], ["rfq.id"], name=op.f("fk_rfq_quote_rfq_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_rfq_quote_vendor_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfq_quote")),
    )
    op.create_index("ix_rfq_quote_rfq_price", "rfq_quote", ["rfq_id", "unit_price", "id"])
    op.create_index(op.f("ix_rfq_quote_vendor_id"), "rfq_quote", ["vendor_id"])
    op.create_index("uq_rfq_quote_chosen", "rfq_quote", ["rfq_id"], unique=True, postgresql_where=sa.text("is_chosen"))
    op.add_column("prompt_version", sa.Column("model", sa.Text(), server_default="", nullable=False))
    op.add_column("prompt_version", sa.Column("cost_dollars", sa.Numeric(precision=12, scale=6), nullable=True))


def downgrade() -> None:
    op.drop_column("prompt_version", "cost_dollars")
    op.drop_column("prompt_version", "model")
    op.drop_table("rfq_quote")
