"""Mails may carry files, and requests for savings are answered by somebody.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox_attachment",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["outbox_message.id"],
            name=op.f("fk_outbox_attachment_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", "position", name=op.f("pk_outbox_attachment")),
    )
    op.add_column("savings_request", sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("savings_request", sa.Column("answered_by", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "savings_request",
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed("lower(restaurant_name || ' ' || name || ' ' || email || ' ' || phone)", persisted=True),
        ),
    )
    op.create_index(
        "ix_savings_request_open",
        "savings_request",
        [sa.literal_column("id DESC")],
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_index(
        "ix_savings_request_search_text",
        "savings_request",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def downgrade() -> None:
    op.drop_index("ix_savings_request_search_text", table_name="savings_request")
    op.drop_index("ix_savings_request_open", table_name="savings_request")
    op.drop_column("savings_request", "search_text")
    op.drop_column("savings_request", "answered_by")
    op.drop_column("savings_request", "answered_at")
    op.drop_table("outbox_attachment")
