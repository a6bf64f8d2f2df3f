"""Name every action of the audit trail by its record and what became of it.

Revision ID: 4e0b7d92c5a8
Revises: 7c41d9a2e6b3
"""

from alembic import op

revision = "4e0b7d92c5a8"
down_revision = "7c41d9a2e6b3"
branch_labels = None
depends_on = None

# The record's kind, the action as it was written, and as it is written now.
RENAMED = [
    ("customer", "create", "customer.created"),
    ("customer", "adjust_credit", "customer.credit_adjusted"),
    ("customer", "switch_reminders", "customer.reminders_switched"),
    ("customer", "customer.told_apart", "customer.not_duplicate"),
    ("customer", "customer.bank_account", "customer.bank_account_saved"),
    ("customer", "customer.do_not_call", "customer.do_not_call_marked"),
    ("invoice", "delete", "invoice.deleted"),
    ("invoice", "send_statements", "invoice.statements_sent"),
    ("invoice", "take_back_payment", "invoice.payment_taken_back"),
    ("order", "delete", "order.deleted"),
    ("rfq", "rfq.note", "rfq.noted"),
    ("savings_request", "answered", "savings_request.answered"),
    ("savings_request", "reopened", "savings_request.reopened"),
    ("staff", "staff.commission_rate", "staff.commission_rate_set"),
]


def upgrade() -> None:
    for kind, old, new in RENAMED:
        op.execute(f"UPDATE audit_entry SET action = '{new}' WHERE record_kind = '{kind}' AND action = '{old}'")  # noqa: S608 - words of this file


def downgrade() -> None:
    for kind, old, new in RENAMED:
        if old != "create":  # A customer made by an order can no longer be distinguished from one that was entered.
            op.execute(f"UPDATE audit_entry SET action = '{old}' WHERE record_kind = '{kind}' AND action = '{new}'")  # noqa: S608 - words of this file
