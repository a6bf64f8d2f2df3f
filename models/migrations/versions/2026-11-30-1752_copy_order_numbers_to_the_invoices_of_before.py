"""copy the orders' numbers to the invoices of before

Revision ID: e5a2904c6b18
Revises: 6d41b7f09c2e

Invoices can be read meanwhile; what changes them waits. With the lock taken first, nothing can deadlock.
"""

from alembic import op

revision = "e5a2904c6b18"
down_revision = "6d41b7f09c2e"
branch_labels = None
depends_on = None

# The trigger reads the number.
FILL = "UPDATE invoice SET order_number = NULL WHERE order_id IS NOT NULL AND order_number IS NULL"


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.execute("LOCK TABLE invoice IN SHARE ROW EXCLUSIVE MODE")
    op.execute(FILL)


def downgrade() -> None:
    """The previous migration drops the column."""
