"""Customers are merged and noted, their phones and second email named; vendors and their products have tables.

Revision ID: c78c0f1be1a0
Revises: make_invoices
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "c78c0f1be1a0"
down_revision = "make_invoices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vendor",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("website", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("contact_name", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed("lower(name || ' ' || contact_name || ' ' || email || ' ' || phone)", persisted=True),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor")),
        sa.UniqueConstraint("external_id", name=op.f("uq_vendor_external_id")),
    )
    op.create_index(
        "ix_vendor_search",
        "vendor",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index("uq_vendor_name_lower", "vendor", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "customer_distinction",
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("second_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_customer_distinction_ordered")),
        sa.ForeignKeyConstraint(
            ["first_id"], ["customer.id"], name=op.f("fk_customer_distinction_first_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["second_id"], ["customer.id"], name=op.f("fk_customer_distinction_second_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_customer_distinction")),
    )
    op.create_index("ix_customer_distinction_second_id", "customer_distinction", ["second_id"])
    op.create_table(
        "customer_merge",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kept_id", sa.BigInteger(), nullable=True),
        sa.Column("merged_id", sa.BigInteger(), nullable=False),
        sa.Column("merged_name", sa.Text(), server_default="", nullable=False),
        sa.Column("kept_before", postgresql.JSONB(), nullable=False),
        sa.Column("kept_after", postgresql.JSONB(), nullable=False),
        sa.Column("merged_row", postgresql.JSONB(), nullable=False),
        sa.Column("moved", postgresql.JSONB(), nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["kept_id"], ["customer.id"], name=op.f("fk_customer_merge_kept_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_merge")),
    )
    op.create_index("ix_customer_merge_kept_id_id", "customer_merge", ["kept_id", sa.literal_column("id DESC")])
    op.create_index("ix_customer_merge_merged_id", "customer_merge", ["merged_id"])
    op.create_table(
        "customer_note",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_note_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_note")),
    )
    op.create_index("ix_customer_note_customer_id_id", "customer_note", ["customer_id", "id"])
    op.create_table(
        "vendor_product",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("model_number", sa.Text(), server_default="", nullable=False),
        sa.Column("est_price_min", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("est_price_max", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("lead_time_days", sa.Numeric(precision=6, scale=1), nullable=True),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("est_price_min <= est_price_max", name=op.f("ck_vendor_product_prices_ordered")),
        sa.CheckConstraint("est_price_min >= 0", name=op.f("ck_vendor_product_price_not_negative")),
        sa.CheckConstraint("lead_time_days >= 0", name=op.f("ck_vendor_product_lead_time_not_negative")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_vendor_product_product_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["vendor_id"], ["vendor.id"], name=op.f("fk_vendor_product_vendor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_product")),
    )
    op.create_index("ix_vendor_product_category", "vendor_product", [sa.literal_column("lower(category)"), "id"])
    op.create_index("ix_vendor_product_name", "vendor_product", [sa.literal_column("lower(name)"), "id"])
    op.create_index(op.f("ix_vendor_product_product_id"), "vendor_product", ["product_id"])
    op.create_index(
        "ix_vendor_product_vendor_name", "vendor_product", ["vendor_id", sa.literal_column("lower(name)"), "id"]
    )
    op.add_column("customer", sa.Column("billing_email", sa.Text(), nullable=True))
    op.add_column("customer", sa.Column("contact_role", sa.Text(), server_default="", nullable=False))
    op.add_column("customer", sa.Column("phone_label", sa.Text(), server_default="", nullable=False))
    op.add_column("customer", sa.Column("phone2_label", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_customer_do_not_call", "customer", ["id"], postgresql_where=sa.text("do_not_call"))
    op.create_index("ix_customer_first_name", "customer", [sa.literal_column("lower(first_name)"), "id"])
    op.create_index("ix_customer_last_name", "customer", [sa.literal_column("lower(last_name)"), "id"])
    op.create_index("ix_customer_net30", "customer", ["id"], postgresql_where=sa.text("payment_terms = 'net30'"))
    op.create_index(
        "ix_customer_website",
        "customer",
        ["id"],
        postgresql_where=sa.text(
            "google_subject IS NOT NULL OR (password_hash IS NOT NULL AND (email_verified_at IS NOT NULL OR phone_verified_at IS NOT NULL))"
        ),
    )
    op.add_column("stock_movement", sa.Column("vendor_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_stock_movement_vendor_id"), "stock_movement", ["vendor_id"])
    op.create_foreign_key(
        op.f("fk_stock_movement_vendor_id"), "stock_movement", "vendor", ["vendor_id"], ["id"], ondelete="SET NULL"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_stock_movement_vendor_id"), "stock_movement", type_="foreignkey")
    op.drop_index(op.f("ix_stock_movement_vendor_id"), table_name="stock_movement")
    op.drop_column("stock_movement", "vendor_id")
    op.drop_index("ix_customer_website", table_name="customer")
    op.drop_index("ix_customer_net30", table_name="customer")
    op.drop_index("ix_customer_last_name", table_name="customer")
    op.drop_index("ix_customer_first_name", table_name="customer")
    op.drop_index("ix_customer_do_not_call", table_name="customer")
    op.drop_column("customer", "phone2_label")
    op.drop_column("customer", "phone_label")
    op.drop_column("customer", "contact_role")
    op.drop_column("customer", "billing_email")
    op.drop_index("ix_vendor_product_vendor_name", table_name="vendor_product")
    op.drop_index(op.f("ix_vendor_product_product_id"), table_name="vendor_product")
    op.drop_index("ix_vendor_product_name", table_name="vendor_product")
    op.drop_index("ix_vendor_product_category", table_name="vendor_product")
    op.drop_table("vendor_product")
    op.drop_index("ix_customer_note_customer_id_id", table_name="customer_note")
    op.drop_table("customer_note")
    op.drop_index("ix_customer_merge_merged_id", table_name="customer_merge")
    op.drop_index("ix_customer_merge_kept_id_id", table_name="customer_merge")
    op.drop_table("customer_merge")
    op.drop_index("ix_customer_distinction_second_id", table_name="customer_distinction")
    op.drop_table("customer_distinction")
    op.drop_index("uq_vendor_name_lower", table_name="vendor")
    op.drop_index("ix_vendor_search", table_name="vendor")
    op.drop_table("vendor")
