"""Make invoices, and let payments belong to them.

Revision ID: make_invoices
Revises: keep_voice_calls
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "make_invoices"
down_revision = "keep_voice_calls"
branch_labels = None
depends_on = None

FOLLOW_ORDER = """
CREATE FUNCTION invoice_follows_order() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE invoice AS i SET
    customer_id = NEW.customer_id,
    amount_paid = NEW.amount_paid,
    allowances = NEW.allowances,
    status = CASE
      WHEN i.status = 'draft' THEN 'draft'
      WHEN NEW.amount_paid + NEW.allowances >= i.total_amount THEN 'paid'
      WHEN NEW.amount_paid > 0 THEN 'partly_paid'
      ELSE 'sent' END,
    paid_at = CASE
      WHEN i.status = 'draft' OR NEW.amount_paid + NEW.allowances < i.total_amount THEN NULL
      ELSE coalesce(i.paid_at, now()) END,
    updated_at = now(),
    version = i.version + 1
  WHERE i.order_id = NEW.id AND i.status <> 'void';
  RETURN NULL;
END $body$
"""
FOLLOW_ORDER_TRIGGER = """
CREATE TRIGGER invoice_follows_order AFTER UPDATE OF amount_paid, allowances, customer_id ON orders FOR EACH ROW
WHEN ((OLD.amount_paid, OLD.allowances, OLD.customer_id) IS DISTINCT FROM
  (NEW.amount_paid, NEW.allowances, NEW.customer_id))
EXECUTE FUNCTION invoice_follows_order()
"""


def upgrade() -> None:
    op.create_table(
        "number_series",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last_number", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_number_series")),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "method IN ('net30', 'credit_card', 'ach', 'check', 'cash', 'store_credit')",
            name=op.f("ck_receipt_method_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_receipt_amount_positive")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_receipt_customer_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
    )
    op.create_index(
        "ix_receipt_created",
        "receipt",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(op.f("ix_receipt_customer_id"), "receipt", ["customer_id"], unique=False)
    op.create_table(
        "invoice",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_number", sa.String(), nullable=True),
        sa.Column("status", sa.String(), server_default="draft", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_name", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_company", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_email", sa.Text(), nullable=True),
        sa.Column("customer_phone", sa.Text(), nullable=True),
        sa.Column("customer_address", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_city", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_state", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_zip", sa.Text(), server_default="", nullable=False),
        sa.Column("po_number", sa.Text(), server_default="", nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("payment_terms", sa.String(), server_default="due_on_receipt", nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("overdue_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("internal_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("subtotal", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("discount_amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("shipping_fee", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=6, scale=3), server_default="0", nullable=False),
        sa.Column("tax_amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("total_amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("amount_paid", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("allowances", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column(
            "balance",
            sa.Numeric(precision=12, scale=2),
            sa.Computed(
                "CASE WHEN status = 'void' THEN 0 ELSE greatest(total_amount - allowances - amount_paid, 0) END",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("attention", sa.Text(), server_default="", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed(
                "lower(coalesce(invoice_number, '') || ' ' || customer_name || ' ' || customer_company || ' ' || coalesce(customer_email, '') || ' ' || coalesce(customer_phone, '') || ' ' || po_number)",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("(status = 'draft') = (invoice_number IS NULL)", name=op.f("ck_invoice_number_when_sent")),
        sa.CheckConstraint(
            "customer_phone IS NULL OR customer_phone ~ '^\\+[1-9][0-9]{6,14}$'",
            name=op.f("ck_invoice_customer_phone_e164"),
        ),
        sa.CheckConstraint(
            "payment_method IN ('net30', 'credit_card', 'ach', 'check', 'cash', 'store_credit')",
            name=op.f("ck_invoice_payment_method_known"),
        ),
        sa.CheckConstraint(
            "payment_terms IN ('due_on_receipt', 'net15', 'net30')", name=op.f("ck_invoice_payment_terms_known")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'sent', 'partly_paid', 'paid', 'void')", name=op.f("ck_invoice_status_known")
        ),
        sa.CheckConstraint("amount_paid >= 0", name=op.f("ck_invoice_paid_not_negative")),
        sa.CheckConstraint("allowances >= 0", name=op.f("ck_invoice_allowances_not_negative")),
        sa.CheckConstraint(
            "discount_amount BETWEEN 0 AND subtotal OR order_id IS NOT NULL", name=op.f("ck_invoice_discount_bounded")
        ),
        sa.CheckConstraint("shipping_fee >= 0", name=op.f("ck_invoice_shipping_not_negative")),
        sa.CheckConstraint("tax_rate BETWEEN 0 AND 30", name=op.f("ck_invoice_tax_rate_bounded")),
        sa.CheckConstraint(
            "total_amount = greatest(subtotal - discount_amount + shipping_fee + tax_amount, 0)",
            name=op.f("ck_invoice_total_adds_up"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_invoice_customer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_invoice_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("invoice_number", name=op.f("uq_invoice_invoice_number")),
    )
    op.create_index(
        "ix_invoice_created",
        "invoice",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_invoice_customer_created",
        "invoice",
        ["customer_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("ix_invoice_email", "invoice", [sa.literal_column("lower(customer_email)")], unique=False)
    op.create_index("ix_invoice_order_id", "invoice", ["order_id"], unique=False)
    op.create_index(
        "ix_invoice_owed",
        "invoice",
        ["customer_id", "overdue_from"],
        unique=False,
        postgresql_where=sa.text("status IN ('sent', 'partly_paid')"),
    )
    op.create_index(
        "ix_invoice_owed_due",
        "invoice",
        ["overdue_from"],
        unique=False,
        postgresql_where=sa.text("status IN ('sent', 'partly_paid')"),
    )
    op.create_index("ix_invoice_phone", "invoice", ["customer_phone"], unique=False)
    op.create_index(
        "ix_invoice_search",
        "invoice",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_invoice_sent",
        "invoice",
        [sa.literal_column("sent_at DESC")],
        unique=False,
        postgresql_where=sa.text("sent_at IS NOT NULL"),
    )
    op.create_index(
        "ix_invoice_status_created",
        "invoice",
        ["status", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "uq_invoice_order_open", "invoice", ["order_id"], unique=True, postgresql_where=sa.text("status <> 'void'")
    )
    op.create_table(
        "invoice_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_event_invoice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_event")),
    )
    op.create_index("ix_invoice_event_invoice_id_id", "invoice_event", ["invoice_id", "id"], unique=False)
    op.create_table(
        "invoice_item",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=True),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("sku", sa.Text(), server_default="", nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("line_total", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_invoice_item_quantity_positive")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_invoice_item_unit_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_item_invoice_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_invoice_item_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_item")),
    )
    op.create_index("ix_invoice_item_product_id", "invoice_item", ["product_id"], unique=False)
    op.create_index("uq_invoice_item_invoice_position", "invoice_item", ["invoice_id", "position"], unique=True)
    op.create_table(
        "invoice_revision",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=True),
        sa.Column("rendered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_revision_invoice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_revision")),
    )
    op.create_index("uq_invoice_revision_invoice_revision", "invoice_revision", ["invoice_id", "revision"], unique=True)
    op.add_column("payment", sa.Column("invoice_id", sa.BigInteger(), nullable=True))
    op.add_column("payment", sa.Column("receipt_id", sa.BigInteger(), nullable=True))
    op.alter_column("payment", "order_id", existing_type=sa.BIGINT(), nullable=True)
    op.create_index("ix_payment_invoice_id_id", "payment", ["invoice_id", "id"], unique=False)
    op.create_index(op.f("ix_payment_receipt_id"), "payment", ["receipt_id"], unique=False)
    op.create_foreign_key(op.f("fk_payment_invoice_id"), "payment", "invoice", ["invoice_id"], ["id"])
    op.create_foreign_key(op.f("fk_payment_receipt_id"), "payment", "receipt", ["receipt_id"], ["id"])
    op.create_check_constraint(op.f("ck_payment_order_or_invoice"), "payment", "num_nonnulls(order_id, invoice_id) = 1")
    op.execute(FOLLOW_ORDER)
    op.execute(FOLLOW_ORDER_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER invoice_follows_order ON orders")
    op.execute("DROP FUNCTION invoice_follows_order()")
    op.drop_constraint(op.f("ck_payment_order_or_invoice"), "payment", type_="check")
    op.execute("DELETE FROM payment WHERE order_id IS NULL")
    op.drop_constraint(op.f("fk_payment_receipt_id"), "payment", type_="foreignkey")
    op.drop_constraint(op.f("fk_payment_invoice_id"), "payment", type_="foreignkey")
    op.drop_index(op.f("ix_payment_receipt_id"), table_name="payment")
    op.drop_index("ix_payment_invoice_id_id", table_name="payment")
    op.alter_column("payment", "order_id", existing_type=sa.BIGINT(), nullable=False)
    op.drop_column("payment", "receipt_id")
    op.drop_column("payment", "invoice_id")
    op.drop_index("uq_invoice_revision_invoice_revision", table_name="invoice_revision")
    op.drop_table("invoice_revision")
    op.drop_index("uq_invoice_item_invoice_position", table_name="invoice_item")
    op.drop_index("ix_invoice_item_product_id", table_name="invoice_item")
    op.drop_table("invoice_item")
    op.drop_index("ix_invoice_event_invoice_id_id", table_name="invoice_event")
    op.drop_table("invoice_event")
    op.drop_index("uq_invoice_order_open", table_name="invoice", postgresql_where=sa.text("status <> 'void'"))
    op.drop_index("ix_invoice_status_created", table_name="invoice")
    op.drop_index("ix_invoice_sent", table_name="invoice", postgresql_where=sa.text("sent_at IS NOT NULL"))
    op.drop_index(
        "ix_invoice_search",
        table_name="invoice",
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.drop_index("ix_invoice_phone", table_name="invoice")
    op.drop_index(
        "ix_invoice_owed_due", table_name="invoice", postgresql_where=sa.text("status IN ('sent', 'partly_paid')")
    )
    op.drop_index(
        "ix_invoice_owed", table_name="invoice", postgresql_where=sa.text("status IN ('sent', 'partly_paid')")
    )
    op.drop_index("ix_invoice_order_id", table_name="invoice")
    op.drop_index("ix_invoice_email", table_name="invoice")
    op.drop_index("ix_invoice_customer_created", table_name="invoice")
    op.drop_index("ix_invoice_created", table_name="invoice")
    op.drop_table("invoice")
    op.drop_index(op.f("ix_receipt_customer_id"), table_name="receipt")
    op.drop_index("ix_receipt_created", table_name="receipt")
    op.drop_table("receipt")
    op.drop_table("number_series")
