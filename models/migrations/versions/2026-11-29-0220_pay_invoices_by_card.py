"""Invoices are paid by card: which of them a checkout is for, and which payment at Stripe a receipt is.

Revision ID: invoice_checkout
Revises: pay_orders_of_nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "invoice_checkout"
down_revision = "pay_orders_of_nothing"
branch_labels = None
depends_on = None

KINDS = ["card", "checkout", "refund", "renewal"]


def upgrade() -> None:
    op.create_table(
        "invoice_checkout",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("intent_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_invoice_checkout_amount_positive")),
        sa.ForeignKeyConstraint(
            ["intent_id"], ["stripe_intent.id"], name=op.f("fk_invoice_checkout_intent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_checkout_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_checkout")),
    )
    op.create_index("uq_invoice_checkout_intent_invoice", "invoice_checkout", ["intent_id", "invoice_id"], unique=True)
    op.create_index(op.f("ix_invoice_checkout_invoice_id"), "invoice_checkout", ["invoice_id"], unique=False)
    op.add_column("receipt", sa.Column("provider_id", sa.String(), nullable=True))
    op.create_unique_constraint(op.f("uq_receipt_provider_id"), "receipt", ["provider_id"])
    _know_kinds([*KINDS, "invoice"])


def downgrade() -> None:
    _know_kinds(KINDS)
    op.drop_constraint(op.f("uq_receipt_provider_id"), "receipt", type_="unique")
    op.drop_column("receipt", "provider_id")
    op.drop_table("invoice_checkout")


def _know_kinds(words: list[str]) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f("ck_stripe_intent_kind_known"), "stripe_intent", type_="check")
    op.create_check_constraint(op.f("ck_stripe_intent_kind_known"), "stripe_intent", f"kind IN ({listed})")
