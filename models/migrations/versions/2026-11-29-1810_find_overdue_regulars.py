"""find overdue regulars by the end of their window

Revision ID: c95e2a18f0b3
Revises: b81f04c6d2e7
"""

import sqlalchemy as sa
from alembic import op

revision = "c95e2a18f0b3"
down_revision = "b81f04c6d2e7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_calling_entry_window",
        "calling_entry",
        ["assigned_to", "window_until"],
        postgresql_where=sa.text("window_until IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_calling_entry_window", table_name="calling_entry")
