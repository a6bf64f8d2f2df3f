"""keep subscriptions

Revision ID: 5c9ec7a7cee1
Revises: customer_sales
"""

import sqlalchemy as sa
from alembic import op

revision = "5c9ec7a7cee1"
down_revision = "customer_sales"
branch_labels = None
depends_on = None

KINDS = ["card", "checkout", "refund"]
REASONS = [
    "opening", "order_placed", "order_cancelled", "order_reopened", "order_edited", "order_deleted", "counted",
    "received", "short_pick", "synced", "damaged", "returned", "used",
]  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("interval_days", sa.Integer(), nullable=False),
        sa.Column("discount_pct", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("next_renewal_date", sa.Date(), nullable=False),
        sa.Column("retry_on", sa.Date(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.String(), server_default="active", nullable=False),
        sa.Column("stripe_customer_id", sa.Text(), server_default="", nullable=False),
        sa.Column("stripe_payment_method_id", sa.Text(), server_default="", nullable=False),
        sa.Column("payment_type", sa.String(), nullable=False),
        sa.Column("delivery_name", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_phone", sa.Text(), nullable=True),
        sa.Column("delivery_email", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_address", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_city", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_state", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_zip", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_company", sa.Text(), server_default="", nullable=False),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("payment_type IN ('card', 'ach')", name=op.f("ck_subscription_payment_type_known")),
        sa.CheckConstraint("status IN ('active', 'paused', 'cancelled')", name=op.f("ck_subscription_status_known")),
        sa.CheckConstraint("discount_pct BETWEEN 0 AND 20", name=op.f("ck_subscription_discount_in_range")),
        sa.CheckConstraint("interval_days BETWEEN 7 AND 365", name=op.f("ck_subscription_interval_in_range")),
        sa.CheckConstraint("quantity BETWEEN 4 AND 100000", name=op.f("ck_subscription_quantity_in_range")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_subscription_customer_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_subscription_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    op.create_index("ix_subscription_customer", "subscription", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_subscription_due",
        "subscription",
        ["next_renewal_date"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index("ix_subscription_newest", "subscription", [sa.literal_column("id DESC")], unique=False)
    op.create_index(op.f("ix_subscription_product_id"), "subscription", ["product_id"], unique=False)
    op.create_table(
        "renewal",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), server_default="processing", nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("delivery_fee", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("holds_stock", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("intent_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_intent_id", sa.Text(), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('processing', 'succeeded', 'failed', 'skipped')", name=op.f("ck_renewal_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["intent_id"], ["stripe_intent.id"], name=op.f("fk_renewal_intent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_renewal_order_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_renewal_subscription_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal")),
    )
    op.create_index(op.f("ix_renewal_intent_id"), "renewal", ["intent_id"], unique=False)
    op.create_index(
        "ix_renewal_open", "renewal", ["id"], unique=False, postgresql_where=sa.text("status = 'processing'")
    )
    op.create_index(op.f("ix_renewal_order_id"), "renewal", ["order_id"], unique=False)
    op.create_index(
        "ix_renewal_subscription", "renewal", ["subscription_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index("uq_renewal_try", "renewal", ["subscription_id", "due_date", "attempt"], unique=True)
    op.add_column("customer", sa.Column("stripe_customer_id", sa.Text(), nullable=True))
    op.add_column("orders", sa.Column("subscription_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_orders_subscription_id"), "orders", ["subscription_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_orders_subscription_id"), "orders", "subscription", ["subscription_id"], ["id"], ondelete="SET NULL"
    )
    _allow("stock_movement", "reason", [*REASONS, "renewal_reserved", "renewal_returned"])
    _allow("stripe_intent", "kind", [*KINDS, "renewal"])


def _allow(table: str, column: str, words: list[str]) -> None:
    """Let the column hold these words alone."""
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table, type_="check")
    listed = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint(name, table, f"{column} IN ({listed})")


def downgrade() -> None:
    _allow("stripe_intent", "kind", KINDS)
    _allow("stock_movement", "reason", REASONS)
    op.drop_constraint(op.f("fk_orders_subscription_id"), "orders", type_="foreignkey")
    op.drop_index(op.f("ix_orders_subscription_id"), table_name="orders")
    op.drop_column("orders", "subscription_id")
    op.drop_column("customer", "stripe_customer_id")
    op.drop_index("uq_renewal_try", table_name="renewal")
    op.drop_index("ix_renewal_subscription", table_name="renewal")
    op.drop_index(op.f("ix_renewal_order_id"), table_name="renewal")
    op.drop_index("ix_renewal_open", table_name="renewal", postgresql_where=sa.text("status = 'processing'"))
    op.drop_index(op.f("ix_renewal_intent_id"), table_name="renewal")
    op.drop_table("renewal")
    op.drop_index(op.f("ix_subscription_product_id"), table_name="subscription")
    op.drop_index("ix_subscription_newest", table_name="subscription")
    op.drop_index("ix_subscription_due", table_name="subscription", postgresql_where=sa.text("status = 'active'"))
    op.drop_index("ix_subscription_customer", table_name="subscription")
    op.drop_table("subscription")
