"""remind of another due date

Revision ID: c61f0b9d27e8
Revises: 3c97a1e60b52
"""

import sqlalchemy as sa
from alembic import op

revision = "c61f0b9d27e8"
down_revision = "3c97a1e60b52"
branch_labels = None
depends_on = None

# What went out was for the date that the invoice has.
FILL = """
UPDATE invoice_reminder AS r SET due_date = i.due_date FROM invoice AS i WHERE i.id = r.invoice_id AND r.step <> 'by_hand'
"""
ONCE = """
DELETE FROM invoice_reminder AS r USING invoice_reminder AS newer
WHERE newer.invoice_id = r.invoice_id AND newer.step = r.step AND newer.id > r.id AND r.step <> 'by_hand'
"""
BY_SCHEDULE = sa.text("step <> 'by_hand'")


def upgrade() -> None:
    op.add_column("invoice_reminder", sa.Column("due_date", sa.Date(), nullable=True))
    op.execute(FILL)
    op.create_index(
        "uq_invoice_reminder_invoice_step_due",
        "invoice_reminder",
        ["invoice_id", "step", "due_date"],
        unique=True,
        postgresql_where=BY_SCHEDULE,
    )
    op.drop_index("uq_invoice_reminder_invoice_step", table_name="invoice_reminder", postgresql_where=BY_SCHEDULE)


def downgrade() -> None:
    op.execute(ONCE)
    op.create_index(
        "uq_invoice_reminder_invoice_step",
        "invoice_reminder",
        ["invoice_id", "step"],
        unique=True,
        postgresql_where=BY_SCHEDULE,
    )
    op.drop_column("invoice_reminder", "due_date")
