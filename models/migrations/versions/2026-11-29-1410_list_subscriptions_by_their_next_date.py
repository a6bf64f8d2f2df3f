"""list subscriptions by their next date

Revision ID: 91b3c7d04f6e
Revises: 6c1f0d52e7ab
"""

import sqlalchemy as sa
from alembic import op

revision = "91b3c7d04f6e"
down_revision = "6c1f0d52e7ab"
branch_labels = None
depends_on = None

NEXT_TRY = "(CASE WHEN status = 'active' THEN coalesce(retry_on, next_renewal_date) END)"


def upgrade() -> None:
    op.create_index("ix_subscription_next", "subscription", [sa.text(NEXT_TRY), "id"])


def downgrade() -> None:
    op.drop_index("ix_subscription_next", table_name="subscription")
