"""The calling list and its calls, bank details, and what sales reps earn have tables.

Revision ID: 5928ba5b4391
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "5928ba5b4391"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_script",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_script")),
    )
    op.create_table(
        "commission_month",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_commission_month")),
    )
    op.create_table(
        "commission_rate",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("percent", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("percent BETWEEN 0 AND 50", name=op.f("ck_commission_rate_percent_in_range")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_commission_rate_staff_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_rate")),
    )
    op.create_index(
        "uq_commission_rate_staff_starts",
        "commission_rate",
        ["staff_id", sa.literal_column("starts_on DESC")],
        unique=True,
    )
    op.create_table(
        "sales_target",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_sales_target_amount_not_negative")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_sales_target_staff_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_target")),
    )
    op.create_index("uq_sales_target_staff_month", "sales_target", ["staff_id", "month"], unique=True)
    op.create_table(
        "bank_account",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_name", sa.Text(), server_default="", nullable=False),
        sa.Column("account_name", sa.Text(), server_default="", nullable=False),
        sa.Column("routing_number", sa.String(), nullable=False),
        sa.Column("sealed_number", sa.String(), nullable=False),
        sa.Column("number_index", sa.String(), nullable=False),
        sa.Column("last_four", sa.String(), nullable=False),
        sa.Column("account_type", sa.String(), server_default="checking", nullable=False),
        sa.Column("authorized_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("account_type IN ('checking', 'savings')", name=op.f("ck_bank_account_account_type_known")),
        sa.CheckConstraint("last_four ~ '^[0-9]{2,4}$'", name=op.f("ck_bank_account_last_four_digits")),
        sa.CheckConstraint("routing_number ~ '^[0-9]{9}$'", name=op.f("ck_bank_account_routing_number_digits")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_bank_account_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_account")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_bank_account_customer_id")),
    )
    op.create_index("ix_bank_account_number", "bank_account", ["number_index"], unique=False)
    op.create_table(
        "calling_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("contact_name", sa.Text(), server_default="", nullable=False),
        sa.Column("company_name", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("phone2", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), server_default="", nullable=False),
        sa.Column("city", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("zip", sa.Text(), server_default="", nullable=False),
        sa.Column("country", sa.String(), server_default="US", nullable=False),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.String(), server_default="new", nullable=False),
        sa.Column("assigned_to", sa.BigInteger(), nullable=True),
        sa.Column("base_score", sa.Double(), server_default="30", nullable=False),
        sa.Column("priority_score", sa.Double(), server_default="30", nullable=False),
        sa.Column("hours_key", sa.Text(), server_default="", nullable=False),
        sa.Column("last_called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("callback_on", sa.Date(), nullable=True),
        sa.Column("claimed_by", sa.BigInteger(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("order_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("order_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total_spend", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("first_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed(
                "lower(company_name || ' ' || contact_name || ' ' || first_name || ' ' || last_name || ' ' || coalesce(email, '') || ' ' || coalesce(phone, phone_raw))",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "phone IS NULL OR phone ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_calling_entry_phone_e164")
        ),
        sa.CheckConstraint(
            "phone2 IS NULL OR phone2 ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_calling_entry_phone2_e164")
        ),
        sa.CheckConstraint(
            "status IN ('new', 'contacted', 'callback', 'customer', 'closed')",
            name=op.f("ck_calling_entry_status_known"),
        ),
        sa.CheckConstraint("priority_score BETWEEN 0 AND 100", name=op.f("ck_calling_entry_score_in_range")),
        sa.ForeignKeyConstraint(
            ["assigned_to"], ["staff.id"], name=op.f("fk_calling_entry_assigned_to"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["claimed_by"], ["staff.id"], name=op.f("fk_calling_entry_claimed_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_calling_entry_customer_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calling_entry")),
    )
    op.create_index(
        "ix_calling_entry_assigned",
        "calling_entry",
        ["assigned_to", sa.literal_column("priority_score DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(op.f("ix_calling_entry_claimed_by"), "calling_entry", ["claimed_by"], unique=False)
    op.create_index(
        "ix_calling_entry_company", "calling_entry", [sa.literal_column("lower(company_name)"), "id"], unique=False
    )
    op.create_index(
        "ix_calling_entry_created",
        "calling_entry",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("ix_calling_entry_email", "calling_entry", [sa.literal_column("lower(email)")], unique=False)
    op.create_index("ix_calling_entry_hours", "calling_entry", ["hours_key"], unique=False)
    op.create_index(
        "ix_calling_entry_last_called",
        "calling_entry",
        [sa.literal_column("last_called_at DESC NULLS LAST"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_calling_entry_last_order",
        "calling_entry",
        [sa.literal_column("last_order_at DESC NULLS LAST"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_calling_entry_priority",
        "calling_entry",
        [sa.literal_column("priority_score DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_calling_entry_search",
        "calling_entry",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_calling_entry_spend",
        "calling_entry",
        [sa.literal_column("total_spend DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("uq_calling_entry_customer", "calling_entry", ["customer_id"], unique=True)
    op.create_index("uq_calling_entry_phone", "calling_entry", ["phone"], unique=True)
    op.create_table(
        "commission_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('earned', 'taken_back')", name=op.f("ck_commission_entry_kind_known")),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_commission_entry_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_commission_entry_order_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_commission_entry_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_entry")),
    )
    op.create_index("ix_commission_entry_month_staff", "commission_entry", ["month", "staff_id", "id"], unique=False)
    op.create_index(op.f("ix_commission_entry_order_id"), "commission_entry", ["order_id"], unique=False)
    op.create_index("ix_commission_entry_staff_month", "commission_entry", ["staff_id", "month"], unique=False)
    op.create_table(
        "outbound_call_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("customer_name", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("order_number", sa.Text(), server_default="", nullable=False),
        sa.Column("callback_date", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("items_discussed", sa.Text(), server_default="", nullable=False),
        sa.Column("procurement_interest", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("checker_verdict", sa.Text(), server_default="", nullable=False),
        sa.Column("checker_reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("transcript_url", sa.Text(), server_default="", nullable=False),
        sa.Column("review_queue_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "checker_verdict IN ('', 'pass', 'fail')", name=op.f("ck_outbound_call_log_checker_verdict_known")
        ),
        sa.CheckConstraint(
            "outcome IN ('sale_made', 'interested_callback', 'busy_callback', 'not_interested', 'no_answer', 'wrong_number', 'dnc_requested')",
            name=op.f("ck_outbound_call_log_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_outbound_call_log_customer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["calling_entry.id"], name=op.f("fk_outbound_call_log_entry_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_outbound_call_log_staff_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_call_log")),
    )
    op.create_index(
        "ix_outbound_call_log_created",
        "outbound_call_log",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_outbound_call_log_customer_created",
        "outbound_call_log",
        ["customer_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index(
        "ix_outbound_call_log_entry_created",
        "outbound_call_log",
        ["entry_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index(
        "ix_outbound_call_log_phone_created",
        "outbound_call_log",
        ["phone", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index(
        "ix_outbound_call_log_staff_created",
        "outbound_call_log",
        ["staff_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_table(
        "calling_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("points", sa.Double(), server_default="0", nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["outbound_call_log.id"], name=op.f("fk_calling_event_call_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["calling_entry.id"], name=op.f("fk_calling_event_entry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calling_event")),
    )
    op.create_index(op.f("ix_calling_event_call_id"), "calling_event", ["call_id"], unique=False)
    op.create_index(
        "ix_calling_event_entry_created",
        "calling_event",
        ["entry_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.add_column("orders", sa.Column("commission_percent", sa.Numeric(precision=5, scale=2), nullable=True))
    op.add_column("orders", sa.Column("commission_amount", sa.Numeric(precision=12, scale=2), nullable=True))
    op.add_column("orders", sa.Column("commission_paid", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("orders", sa.Column("commission_paid_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("commission_paid_by", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_orders_commission_due",
        "orders",
        ["sales_rep_id", sa.literal_column("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("commission_amount IS NOT NULL AND NOT commission_paid"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_orders_commission_due",
        table_name="orders",
        postgresql_where=sa.text("commission_amount IS NOT NULL AND NOT commission_paid"),
    )
    op.drop_column("orders", "commission_paid_by")
    op.drop_column("orders", "commission_paid_at")
    op.drop_column("orders", "commission_paid")
    op.drop_column("orders", "commission_amount")
    op.drop_column("orders", "commission_percent")
    op.drop_index("ix_calling_event_entry_created", table_name="calling_event")
    op.drop_index(op.f("ix_calling_event_call_id"), table_name="calling_event")
    op.drop_table("calling_event")
    op.drop_index("ix_outbound_call_log_staff_created", table_name="outbound_call_log")
    op.drop_index("ix_outbound_call_log_phone_created", table_name="outbound_call_log")
    op.drop_index("ix_outbound_call_log_entry_created", table_name="outbound_call_log")
    op.drop_index("ix_outbound_call_log_customer_created", table_name="outbound_call_log")
    op.drop_index("ix_outbound_call_log_created", table_name="outbound_call_log")
    op.drop_table("outbound_call_log")
    op.drop_index("ix_commission_entry_staff_month", table_name="commission_entry")
    op.drop_index(op.f("ix_commission_entry_order_id"), table_name="commission_entry")
    op.drop_index("ix_commission_entry_month_staff", table_name="commission_entry")
    op.drop_table("commission_entry")
    op.drop_index("uq_calling_entry_phone", table_name="calling_entry")
    op.drop_index("uq_calling_entry_customer", table_name="calling_entry")
    op.drop_index("ix_calling_entry_spend", table_name="calling_entry")
    op.drop_index(
        "ix_calling_entry_search",
        table_name="calling_entry",
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.drop_index("ix_calling_entry_priority", table_name="calling_entry")
    op.drop_index("ix_calling_entry_last_order", table_name="calling_entry")
    op.drop_index("ix_calling_entry_last_called", table_name="calling_entry")
    op.drop_index("ix_calling_entry_hours", table_name="calling_entry")
    op.drop_index("ix_calling_entry_email", table_name="calling_entry")
    op.drop_index("ix_calling_entry_created", table_name="calling_entry")
    op.drop_index("ix_calling_entry_company", table_name="calling_entry")
    op.drop_index(op.f("ix_calling_entry_claimed_by"), table_name="calling_entry")
    op.drop_index("ix_calling_entry_assigned", table_name="calling_entry")
    op.drop_table("calling_entry")
    op.drop_index("ix_bank_account_number", table_name="bank_account")
    op.drop_table("bank_account")
    op.drop_index("uq_sales_target_staff_month", table_name="sales_target")
    op.drop_table("sales_target")
    op.drop_index("uq_commission_rate_staff_starts", table_name="commission_rate")
    op.drop_table("commission_rate")
    op.drop_table("commission_month")
    op.drop_table("call_script")
