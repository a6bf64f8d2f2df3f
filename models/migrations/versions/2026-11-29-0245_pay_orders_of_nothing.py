"""An order on which nothing is left to pay is paid: old ones of $0.00 were unpaid for ever.

Revision ID: pay_orders_of_nothing
Revises: 5928ba5b4393
"""

from alembic import op

revision = "pay_orders_of_nothing"
down_revision = "5928ba5b4393"
branch_labels = None
depends_on = None

PAY = """
UPDATE orders SET payment_status = 'paid', on_hold = false, hold_reason = ''
WHERE payment_status IN ('unpaid', 'failed') AND status <> 'cancelled' AND total_amount <= amount_paid + allowances
"""


def upgrade() -> None:
    op.execute(PAY)


def downgrade() -> None:
    """What was wrong stays mended."""
