"""A rep's orders of one state are counted in an index of their own.

Revision ID: 3b9f6d20c7e1
Revises: e149bc534e3b
"""

from alembic import op

revision = "3b9f6d20c7e1"
down_revision = "e149bc534e3b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_orders_rep_status_created ON orders (sales_rep_id, status, created_at DESC, id DESC)")


def downgrade() -> None:
    op.execute("DROP INDEX ix_orders_rep_status_created")
