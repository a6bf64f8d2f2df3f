"""Customer and desk are notified once of a parcel that did not come on its day.

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
    op.add_column("tracker", sa.Column("late_notified_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("tracker", "late_notified_at")
