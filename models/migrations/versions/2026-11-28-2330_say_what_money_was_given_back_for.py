"""Money given back says what for; what makes the claim smaller counts on the order.

Revision ID: given_back_for
Revises: keep_imports
"""

import sqlalchemy as sa
from alembic import op

revision = "given_back_for"
down_revision = "keep_imports"
branch_labels = None
depends_on = None

_SAID = (
    "CASE WHEN amount > 0 THEN given_back IS NULL AND given_for IS NULL "
    "ELSE given_back IS NOT NULL AND given_for IS NOT NULL "
    "AND (given_back = 'reversal') = (given_for IN ('mistake', 'bounced', 'disputed')) END"
)
_GIVEN_BACK = """
UPDATE payment AS p SET
  given_for = CASE WHEN p.note = 'Dispute lost' THEN 'disputed' WHEN o.status = 'cancelled' THEN 'cancelled'
    WHEN p.refunds_payment_id IS NULL THEN 'cancelled' ELSE 'goodwill' END,
  given_back = CASE WHEN p.note = 'Dispute lost' THEN 'reversal' ELSE 'allowance' END
FROM orders AS o WHERE o.id = p.order_id AND p.amount < 0
"""
_ALLOWED = """
UPDATE orders AS o SET allowances = g.amount
FROM (
  SELECT order_id, -sum(applied_amount) AS amount FROM payment
  WHERE given_back = 'allowance' AND given_for <> 'cancelled' AND state = 'succeeded' GROUP BY order_id
) AS g
WHERE g.order_id = o.id AND g.amount > 0
"""
_OVERPAID = """
UPDATE orders AS o SET overpaid = g.amount
FROM (
  SELECT p.order_id, sum(p.amount - p.applied_amount) - coalesce(sum(c.amount), 0) AS amount
  FROM payment AS p
  LEFT JOIN (
    SELECT payment_id, sum(amount) AS amount FROM credit_entry WHERE kind = 'overpayment' GROUP BY payment_id
  ) AS c ON c.payment_id = p.id
  WHERE p.state = 'succeeded' AND p.amount <> p.applied_amount GROUP BY p.order_id
) AS g
WHERE g.order_id = o.id AND g.amount > 0
"""


def upgrade() -> None:
    op.add_column("payment", sa.Column("given_back", sa.Text(), nullable=True))
    op.add_column("payment", sa.Column("given_for", sa.Text(), nullable=True))
    op.execute(_GIVEN_BACK)
    op.execute(_ALLOWED)
    op.execute(_OVERPAID)
    op.create_check_constraint(
        op.f("ck_payment_given_back_known"), "payment", "given_back IN ('allowance', 'reversal')"
    )
    op.create_check_constraint(
        op.f("ck_payment_given_for_known"),
        "payment",
        "given_for IN ('returned', 'damaged', 'short', 'goodwill', 'cancelled', 'mistake', 'bounced', 'disputed')",
    )
    op.create_check_constraint(op.f("ck_payment_given_back_said"), "payment", _SAID)


def downgrade() -> None:
    op.drop_column("payment", "given_for")
    op.drop_column("payment", "given_back")
