"""remind callers of who opens later

Revision ID: 4e0ab7d15c92
Revises: 2f6b81d4c09e
"""

import sqlalchemy as sa
from alembic import op

revision = "4e0ab7d15c92"
down_revision = "2f6b81d4c09e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calling_entry", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("calling_entry", "reminded_at")
