"""Credit memos take off invoices, and reminders are sent once each.

Revision ID: credit_memos
Revises: 5c9ec7a7cee1
"""

import sqlalchemy as sa
from alembic import op

revision = "credit_memos"
down_revision = "5c9ec7a7cee1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_memo",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("memo_number", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("to_credit", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "reason IN ('returned', 'damaged', 'short', 'goodwill')", name=op.f("ck_credit_memo_reason_known")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_memo_amount_positive")),
        sa.CheckConstraint("to_credit BETWEEN 0 AND amount", name=op.f("ck_credit_memo_to_credit_bounded")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_credit_memo_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_memo")),
        sa.UniqueConstraint("memo_number", name=op.f("uq_credit_memo_memo_number")),
    )
    op.create_index("ix_credit_memo_created", "credit_memo", ["created_at"], unique=False)
    op.create_index("ix_credit_memo_invoice_id_id", "credit_memo", ["invoice_id", "id"], unique=False)
    op.create_table(
        "invoice_reminder",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("recipient", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "step IN ('before', 'due', 'late_7', 'late_21', 'by_hand')", name=op.f("ck_invoice_reminder_step_known")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_reminder_invoice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_reminder")),
    )
    op.create_index("ix_invoice_reminder_invoice_id_id", "invoice_reminder", ["invoice_id", "id"], unique=False)
    op.create_index(
        "uq_invoice_reminder_invoice_step",
        "invoice_reminder",
        ["invoice_id", "step"],
        unique=True,
        postgresql_where=sa.text("step <> 'by_hand'"),
    )
    op.add_column("customer", sa.Column("sends_reminders", sa.Boolean(), server_default="true", nullable=False))


def downgrade() -> None:
    op.drop_column("customer", "sends_reminders")
    op.drop_index(
        "uq_invoice_reminder_invoice_step", table_name="invoice_reminder", postgresql_where=sa.text("step <> 'by_hand'")
    )
    op.drop_index("ix_invoice_reminder_invoice_id_id", table_name="invoice_reminder")
    op.drop_table("invoice_reminder")
    op.drop_index("ix_credit_memo_invoice_id_id", table_name="credit_memo")
    op.drop_index("ix_credit_memo_created", table_name="credit_memo")
    op.drop_table("credit_memo")
