"""search the outbox by an index

Revision ID: 7e02c9d15f3a
Revises: 7d20c4a9e1f6
"""

from alembic import op

revision = "7e02c9d15f3a"
down_revision = "7d20c4a9e1f6"
branch_labels = None
depends_on = None

SEARCHED = ["recipient", "subject", "kind"]


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_index(
        "ix_outbox_message_search",
        "outbox_message",
        SEARCHED,
        postgresql_using="gin",
        postgresql_ops=dict.fromkeys(SEARCHED, "gin_trgm_ops"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_message_search", table_name="outbox_message")
