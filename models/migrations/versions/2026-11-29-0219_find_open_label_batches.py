"""The batches of labels that are not done are found by an index of their own.

Revision ID: open_label_batches
Revises: change_emails_by_link
"""

import sqlalchemy as sa
from alembic import op

revision = "open_label_batches"
down_revision = "change_emails_by_link"
branch_labels = None
depends_on = None
_OPEN = sa.text("state = 'waiting' OR state = 'asking' OR state = 'needs_you'")


def upgrade() -> None:
    op.create_index("ix_label_batch_order_open", "label_batch_order", ["batch_id"], postgresql_where=_OPEN)


def downgrade() -> None:
    op.drop_index("ix_label_batch_order_open", table_name="label_batch_order")
