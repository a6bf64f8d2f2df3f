"""A parcel that did not come on its day is told of once.

Revision ID: 5b8e2d71c094
Revises: 7fd2bfb00a36
"""

import sqlalchemy as sa
from alembic import op

revision = "5b8e2d71c094"
down_revision = "7fd2bfb00a36"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tracker", sa.Column("told_late_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("tracker", "told_late_at")
