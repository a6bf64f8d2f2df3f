"""figures from indexes alone

Revision ID: 5b1f0e7c93ad
Revises: b6ac13f3f9ab
"""

import sqlalchemy as sa
from alembic import op

revision = "5b1f0e7c93ad"
down_revision = "b6ac13f3f9ab"
branch_labels = None
depends_on = None

NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]
JUDGED = ["order_id", "eval_score", "eval_resolution", "eval_hallucination", "cost_dollars"]

CALLABLE = sa.text("is_active AND phone IS NOT NULL AND NOT do_not_call")


def make_callable(*more: str) -> None:
    op.drop_index("ix_customer_callable", table_name="customer")
    op.create_index(
        "ix_customer_callable",
        "customer",
        ["id"],
        postgresql_include=["phone", "phone2", *more],
        postgresql_where=CALLABLE,
    )


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    make_callable("sales_rep_id")
    op.drop_index("ix_orders_payment_created", table_name="orders")
    op.create_index(
        "ix_orders_payment_created", "orders", ["payment_status", *NEWEST], postgresql_include=["total_amount"]
    )
    op.create_index(
        "ix_orders_rep_commission",
        "orders",
        ["sales_rep_id", "created_at"],
        postgresql_include=["commission_amount", "commission_paid", "status"],
        postgresql_where=sa.text("commission_amount IS NOT NULL"),
    )
    op.drop_index("ix_call_log_prompt_version_id", table_name="call_log")
    op.create_index("ix_call_log_prompt_figures", "call_log", ["prompt_version_id"], postgresql_include=JUDGED)
    op.create_index(
        "ix_call_log_reviewed",
        "call_log",
        ["eval_status"],
        postgresql_include=["eval_score", "eval_hallucination", "eval_escalation_needed"],
        postgresql_where=sa.text("eval_status IN ('reviewed', 'flagged')"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    make_callable()
    op.drop_index("ix_call_log_reviewed", table_name="call_log")
    op.drop_index("ix_call_log_prompt_figures", table_name="call_log")
    op.create_index("ix_call_log_prompt_version_id", "call_log", ["prompt_version_id"])
    op.drop_index("ix_orders_rep_commission", table_name="orders")
    op.drop_index("ix_orders_payment_created", table_name="orders")
    op.create_index("ix_orders_payment_created", "orders", ["payment_status", *NEWEST])
