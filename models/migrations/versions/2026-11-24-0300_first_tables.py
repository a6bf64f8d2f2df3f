"""The first tables of the order system.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    _install_job_queue()
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("record_kind", sa.String(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.Column("record_name", sa.Text(), server_default="", nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        "ix_audit_entry_actor", "audit_entry", ["actor_kind", "actor_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index("ix_audit_entry_newest", "audit_entry", [sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "ix_audit_entry_record", "audit_entry", ["record_kind", "record_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_table(
        "category",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
    )
    op.create_index("uq_category_name_lower", "category", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "idempotency_key",
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("caller", "route", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_created", "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "job_run",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=True),
        sa.Column("starts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("progress_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress_total", sa.Integer(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("requested_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'parked')", name=op.f("ck_job_run_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_run")),
    )
    op.create_index("ix_job_run_newest", "job_run", [sa.literal_column("id DESC")], unique=False)
    op.create_index("ix_job_run_state", "job_run", ["state", sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "uq_job_run_open_dedupe",
        "job_run",
        ["dedupe_key"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "rate_limit",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("used", sa.Integer(), server_default="1", nullable=False),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "caller", name=op.f("pk_rate_limit")),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_rate_limit_window", "rate_limit", ["window_ends_at"], unique=False)
    op.create_table(
        "savings_request",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("restaurant_name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("rd_customer_number", sa.Text(), server_default="", nullable=False),
        sa.Column("invoice_type", sa.Text(), server_default="", nullable=False),
        sa.Column("invoice", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_savings_request")),
    )
    op.create_index("ix_savings_request_newest", "savings_request", [sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "staff",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("full_name", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("is_demo", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_sign_ins", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "role IN ('admin', 'manager', 'staff', 'sales_rep', 'warehouse')", name=op.f("ck_staff_role_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
    )
    op.create_index("ix_staff_role", "staff", ["role"], unique=False, postgresql_where=sa.text("is_active"))
    op.create_index("uq_staff_email_lower", "staff", [sa.literal_column("lower(email)")], unique=True)
    op.create_index("uq_staff_username_lower", "staff", [sa.literal_column("lower(username)")], unique=True)
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
    )
    op.create_index(
        "ix_webhook_event_open", "webhook_event", ["id"], unique=False, postgresql_where=sa.text("processed_at IS NULL")
    )
    op.create_index("uq_webhook_event_provider_event", "webhook_event", ["provider", "event_id"], unique=True)
    op.create_table(
        "api_key",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["staff.id"], name=op.f("fk_api_key_created_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("name", name=op.f("uq_api_key_name")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_index(op.f("ix_api_key_created_by"), "api_key", ["created_by"], unique=False)
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("google_subject", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("company_name", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("phone2", sa.Text(), nullable=True),
        sa.Column("phone_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("business_type", sa.Text(), server_default="", nullable=False),
        sa.Column("business_ein", sa.Text(), server_default="", nullable=False),
        sa.Column("resale_certificate", sa.Text(), server_default="", nullable=False),
        sa.Column("state_of_operation", sa.Text(), server_default="", nullable=False),
        sa.Column("shipping_street", sa.Text(), server_default="", nullable=False),
        sa.Column("shipping_city", sa.Text(), server_default="", nullable=False),
        sa.Column("shipping_state", sa.Text(), server_default="", nullable=False),
        sa.Column("shipping_zip", sa.Text(), server_default="", nullable=False),
        sa.Column("shipping_country", sa.String(), server_default="US", nullable=False),
        sa.Column("billing_street", sa.Text(), server_default="", nullable=False),
        sa.Column("billing_city", sa.Text(), server_default="", nullable=False),
        sa.Column("billing_state", sa.Text(), server_default="", nullable=False),
        sa.Column("billing_zip", sa.Text(), server_default="", nullable=False),
        sa.Column("billing_country", sa.String(), server_default="US", nullable=False),
        sa.Column("timezone", sa.Text(), server_default="", nullable=False),
        sa.Column("preferred_language", sa.String(), server_default="en", nullable=False),
        sa.Column("payment_terms", sa.String(), server_default="prepaid", nullable=False),
        sa.Column("credit_limit", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("sales_rep_id", sa.BigInteger(), nullable=True),
        sa.Column("po_number", sa.Text(), server_default="", nullable=False),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("do_not_call", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("do_not_call_note", sa.Text(), server_default="", nullable=False),
        sa.Column("claimed_order_id", sa.BigInteger(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("is_demo", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed(
                "lower(company_name || ' ' || first_name || ' ' || last_name || ' ' || username || ' ' || coalesce(email, '') || ' ' || coalesce(phone, phone_raw))",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("payment_terms IN ('prepaid', 'net30')", name=op.f("ck_customer_payment_terms_known")),
        sa.CheckConstraint("phone IS NULL OR phone ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_customer_phone_e164")),
        sa.CheckConstraint("phone2 IS NULL OR phone2 ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_customer_phone2_e164")),
        sa.CheckConstraint("credit_limit >= 0", name=op.f("ck_customer_credit_limit_not_negative")),
        sa.ForeignKeyConstraint(
            ["sales_rep_id"], ["staff.id"], name=op.f("fk_customer_sales_rep_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("external_id", name=op.f("uq_customer_external_id")),
    )
    op.create_index("ix_customer_company", "customer", [sa.literal_column("lower(company_name)"), "id"], unique=False)
    op.create_index(
        "ix_customer_created",
        "customer",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("ix_customer_phone", "customer", ["phone"], unique=False)
    op.create_index(op.f("ix_customer_sales_rep_id"), "customer", ["sales_rep_id"], unique=False)
    op.create_index(
        "ix_customer_search",
        "customer",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index("uq_customer_email_lower", "customer", [sa.literal_column("lower(email)")], unique=True)
    op.create_index("uq_customer_google_subject", "customer", ["google_subject"], unique=True)
    op.create_index("uq_customer_username_lower", "customer", [sa.literal_column("lower(username)")], unique=True)
    op.create_table(
        "product",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("category_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("brand", sa.Text(), server_default="", nullable=False),
        sa.Column("unit_size", sa.Text(), server_default="", nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("bulk_price", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("bulk_quantity", sa.Integer(), nullable=True),
        sa.Column("cost_per_item", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("in_stock", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("stock_quantity", sa.Integer(), nullable=True),
        sa.Column("reorder_level", sa.Integer(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("image_hash", sa.Text(), nullable=True),
        sa.Column("barcode", sa.Text(), server_default="", nullable=False),
        sa.Column("bin_location", sa.Text(), server_default="", nullable=False),
        sa.Column("ship_weight_oz", sa.Numeric(precision=8, scale=2), nullable=True),
        sa.Column("ship_box_name", sa.Text(), server_default="", nullable=False),
        sa.Column("ship_box_length", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("ship_box_width", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("ship_box_height", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("is_customizable", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed("lower(name || ' ' || sku || ' ' || brand || ' ' || description)", persisted=True),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("bulk_price >= 0", name=op.f("ck_product_bulk_price_not_negative")),
        sa.CheckConstraint("bulk_quantity > 0", name=op.f("ck_product_bulk_quantity_positive")),
        sa.CheckConstraint("cost_per_item >= 0", name=op.f("ck_product_cost_not_negative")),
        sa.CheckConstraint("stock_quantity >= 0", name=op.f("ck_product_stock_not_negative")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_product_unit_price_not_negative")),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name=op.f("fk_product_category_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
    )
    op.create_index(
        "ix_product_category_active", "product", ["category_id"], unique=False, postgresql_where=sa.text("is_active")
    )
    op.create_index("ix_product_category_name", "product", ["category_id", "name", "id"], unique=False)
    op.create_index(
        "ix_product_category_name_active",
        "product",
        ["category_id", "name", "id"],
        unique=False,
        postgresql_where=sa.text("is_active"),
    )
    op.create_index("ix_product_name", "product", ["name", "id"], unique=False)
    op.create_index(
        "ix_product_name_active", "product", ["name", "id"], unique=False, postgresql_where=sa.text("is_active")
    )
    op.create_index(
        "ix_product_name_prefix",
        "product",
        [sa.literal_column("lower(name)").label("lowered")],
        unique=False,
        postgresql_ops={"lowered": "text_pattern_ops"},
    )
    op.create_index("ix_product_price", "product", ["unit_price", "id"], unique=False)
    op.create_index(
        "ix_product_search",
        "product",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_product_sku_prefix",
        "product",
        [sa.literal_column("lower(sku)").label("lowered")],
        unique=False,
        postgresql_ops={"lowered": "text_pattern_ops"},
    )
    op.create_index(
        "ix_product_updated_active",
        "product",
        [sa.literal_column("updated_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("is_active"),
    )
    op.create_index(
        "uq_product_barcode", "product", ["barcode"], unique=True, postgresql_where=sa.text("barcode <> ''")
    )
    op.create_index("uq_product_sku_lower", "product", [sa.literal_column("lower(sku)")], unique=True)
    op.create_table(
        "revoked_token",
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_revoked_token_staff_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_revoked_token")),
    )
    op.create_index("ix_revoked_token_expiry", "revoked_token", ["expires_at"], unique=False)
    op.create_index(op.f("ix_revoked_token_staff_id"), "revoked_token", ["staff_id"], unique=False)
    op.create_table(
        "login_session",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("user_agent", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'customer') = (customer_id IS NOT NULL)", name=op.f("ck_login_session_customer_named")
        ),
        sa.CheckConstraint("(kind = 'staff') = (staff_id IS NOT NULL)", name=op.f("ck_login_session_staff_named")),
        sa.CheckConstraint("kind IN ('customer', 'staff')", name=op.f("ck_login_session_kind_known")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_login_session_customer_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_login_session_staff_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_session_token_hash")),
    )
    op.create_index(op.f("ix_login_session_customer_id"), "login_session", ["customer_id"], unique=False)
    op.create_index(
        "ix_login_session_customer_open",
        "login_session",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_login_session_expiry", "login_session", ["expires_at"], unique=False)
    op.create_index(op.f("ix_login_session_staff_id"), "login_session", ["staff_id"], unique=False)
    op.create_index(
        "ix_login_session_staff_open",
        "login_session",
        ["staff_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "one_time_code",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("target", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('phone_code', 'phone_session', 'email_verification', 'password_reset', 'staff_password_reset')",
            name=op.f("ck_one_time_code_purpose_known"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_one_time_code_attempts_not_negative")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_one_time_code_customer_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_one_time_code_staff_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_code")),
    )
    op.create_index(op.f("ix_one_time_code_customer_id"), "one_time_code", ["customer_id"], unique=False)
    op.create_index("ix_one_time_code_expiry", "one_time_code", ["expires_at"], unique=False)
    op.create_index("ix_one_time_code_secret", "one_time_code", ["code_hash", "purpose"], unique=False)
    op.create_index(op.f("ix_one_time_code_staff_id"), "one_time_code", ["staff_id"], unique=False)
    op.create_index("ix_one_time_code_target", "one_time_code", ["target", "purpose", "id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(), server_default="web", nullable=False),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("on_hold", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("hold_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("attention", sa.Text(), server_default="", nullable=False),
        sa.Column("takes_stock", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("sales_rep_id", sa.BigInteger(), nullable=True),
        sa.Column("assigned_to", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_name", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_company", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_email", sa.Text(), nullable=True),
        sa.Column("delivery_phone", sa.Text(), nullable=True),
        sa.Column("delivery_phone_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_address", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_city", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_state", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_zip", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_country", sa.String(), server_default="US", nullable=False),
        sa.Column("billing_address", sa.Text(), server_default="", nullable=False),
        sa.Column("po_number", sa.Text(), server_default="", nullable=False),
        sa.Column("special_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("staff_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("item_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unit_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("subtotal", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("discount_amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("delivery_fee", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("total_amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("amount_paid", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("payment_method", sa.String(), server_default="net30", nullable=False),
        sa.Column("payment_status", sa.String(), server_default="unpaid", nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed(
                "lower(order_number || ' ' || delivery_name || ' ' || delivery_company || ' ' || coalesce(delivery_email, '') || ' ' || coalesce(delivery_phone, ''))",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "delivery_phone IS NULL OR delivery_phone ~ '^\\+[1-9][0-9]{6,14}$'",
            name=op.f("ck_orders_delivery_phone_e164"),
        ),
        sa.CheckConstraint(
            "payment_method IN ('net30', 'credit_card', 'ach', 'check', 'cash', 'store_credit')",
            name=op.f("ck_orders_payment_method_known"),
        ),
        sa.CheckConstraint(
            "payment_status IN ('unpaid', 'pending_review', 'paid', 'failed', 'partially_refunded', 'refunded')",
            name=op.f("ck_orders_payment_status_known"),
        ),
        sa.CheckConstraint(
            "source IN ('web', 'desk', 'rep', 'voice', 'subscription', 'import')", name=op.f("ck_orders_source_known")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'packed', 'shipped', 'delivered', 'cancelled')",
            name=op.f("ck_orders_status_known"),
        ),
        sa.CheckConstraint("amount_paid >= 0", name=op.f("ck_orders_paid_not_negative")),
        sa.CheckConstraint("delivery_fee >= 0", name=op.f("ck_orders_fee_not_negative")),
        sa.CheckConstraint("discount_amount >= 0", name=op.f("ck_orders_discount_not_negative")),
        sa.CheckConstraint("subtotal >= 0", name=op.f("ck_orders_subtotal_not_negative")),
        sa.CheckConstraint(
            "total_amount = greatest(subtotal - discount_amount + delivery_fee, 0)",
            name=op.f("ck_orders_total_adds_up"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_orders_customer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["sales_rep_id"], ["staff.id"], name=op.f("fk_orders_sales_rep_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("external_id", name=op.f("uq_orders_external_id")),
        sa.UniqueConstraint("order_number", name=op.f("uq_orders_order_number")),
    )
    op.create_index(
        "ix_orders_attention",
        "orders",
        [sa.literal_column("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("attention <> ''"),
    )
    op.create_index(
        "ix_orders_created",
        "orders",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_orders_customer_created",
        "orders",
        ["customer_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("ix_orders_email", "orders", [sa.literal_column("lower(delivery_email)")], unique=False)
    op.create_index(
        "ix_orders_on_hold",
        "orders",
        [sa.literal_column("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("on_hold"),
    )
    op.create_index(
        "ix_orders_part_paid",
        "orders",
        [sa.literal_column("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("payment_status = 'unpaid' AND amount_paid > 0"),
    )
    op.create_index(
        "ix_orders_payment_created",
        "orders",
        ["payment_status", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_orders_phone_created", "orders", ["delivery_phone", sa.literal_column("created_at DESC")], unique=False
    )
    op.create_index(
        "ix_orders_rep_created",
        "orders",
        ["sales_rep_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_orders_search",
        "orders",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_orders_status_created",
        "orders",
        ["status", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "product_image",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("sort_order", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_primary", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_image_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_image")),
    )
    op.create_index("ix_product_image_product_order", "product_image", ["product_id", "sort_order", "id"], unique=False)
    op.create_index(
        "uq_product_image_primary", "product_image", ["product_id"], unique=True, postgresql_where=sa.text("is_primary")
    )
    op.create_table(
        "order_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_event_order_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_event")),
    )
    op.create_index("ix_order_event_order_id_id", "order_event", ["order_id", "id"], unique=False)
    op.create_table(
        "order_item",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=True),
        sa.Column("product_name", sa.String(), nullable=False),
        sa.Column("product_sku", sa.Text(), server_default="", nullable=False),
        sa.Column("product_brand", sa.Text(), server_default="", nullable=False),
        sa.Column("product_unit_size", sa.Text(), server_default="", nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("is_bulk_price", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("line_total", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("unit_cost", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_item_quantity_positive")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_order_item_unit_price_not_negative")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_item_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_order_item_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_item")),
    )
    op.create_index("ix_order_item_product_order", "order_item", ["product_id", "order_id"], unique=False)
    op.create_index("ix_order_item_sku_lower", "order_item", [sa.literal_column("lower(product_sku)")], unique=False)
    op.create_index("uq_order_item_order_position", "order_item", ["order_id", "position"], unique=True)
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("body_text", sa.Text(), server_default="", nullable=False),
        sa.Column("body_html", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'text', 'discord')", name=op.f("ck_outbox_message_channel_known")),
        sa.CheckConstraint(
            "state IN ('queued', 'sent', 'failed', 'not_sent')", name=op.f("ck_outbox_message_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_outbox_message_customer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_outbox_message_order_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_outbox_message_dedupe_key")),
    )
    op.create_index("ix_outbox_message_created", "outbox_message", [sa.literal_column("id DESC")], unique=False)
    op.create_index(op.f("ix_outbox_message_customer_id"), "outbox_message", ["customer_id"], unique=False)
    op.create_index(op.f("ix_outbox_message_order_id"), "outbox_message", ["order_id"], unique=False)
    op.create_index("ix_outbox_message_state", "outbox_message", ["state", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "pay_link",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_pay_link_order_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_pay_link_token_hash")),
    )
    op.create_index(op.f("ix_pay_link_order_id"), "pay_link", ["order_id"], unique=False)
    op.create_table(
        "payment",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("refunds_payment_id", sa.BigInteger(), nullable=True),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="succeeded", nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("applied_amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "method IN ('net30', 'credit_card', 'ach', 'check', 'cash', 'store_credit')",
            name=op.f("ck_payment_method_known"),
        ),
        sa.CheckConstraint(
            "state IN ('intended', 'pending', 'succeeded', 'failed', 'unknown')", name=op.f("ck_payment_state_known")
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_payment_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_payment_customer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_payment_order_id")),
        sa.ForeignKeyConstraint(["refunds_payment_id"], ["payment.id"], name=op.f("fk_payment_refunds_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_payment_provider_id")),
    )
    op.create_index(op.f("ix_payment_customer_id"), "payment", ["customer_id"], unique=False)
    op.create_index("ix_payment_order_id_id", "payment", ["order_id", "id"], unique=False)
    op.create_index(op.f("ix_payment_refunds_payment_id"), "payment", ["refunds_payment_id"], unique=False)
    op.create_table(
        "product_image_data",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["product_image.id"], name=op.f("fk_product_image_data_image_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_product_image_data")),
    )
    op.create_table(
        "stock_movement",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("level_after", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("unit_cost", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("vendor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "reason IN ('opening', 'order_placed', 'order_cancelled', 'order_reopened', 'order_edited', 'order_deleted', 'counted', 'received', 'short_pick', 'synced', 'damaged', 'returned', 'used')",
            name=op.f("ck_stock_movement_reason_known"),
        ),
        sa.CheckConstraint("level_after >= 0", name=op.f("ck_stock_movement_level_not_negative")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_stock_movement_order_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_stock_movement_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movement")),
    )
    op.create_index(op.f("ix_stock_movement_order_id"), "stock_movement", ["order_id"], unique=False)
    op.create_index("ix_stock_movement_product_id_id", "stock_movement", ["product_id", "id"], unique=False)
    op.create_table(
        "credit_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("balance_after", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('overpayment', 'applied', 'returned', 'adjustment', 'refund')",
            name=op.f("ck_credit_entry_kind_known"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_credit_entry_amount_not_zero")),
        sa.CheckConstraint("balance_after >= 0", name=op.f("ck_credit_entry_balance_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_credit_entry_customer_id")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_credit_entry_order_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_credit_entry_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entry")),
    )
    op.create_index("ix_credit_entry_customer_id_id", "credit_entry", ["customer_id", "id"], unique=False)
    op.create_index(op.f("ix_credit_entry_order_id"), "credit_entry", ["order_id"], unique=False)
    op.create_index(op.f("ix_credit_entry_payment_id"), "credit_entry", ["payment_id"], unique=False)
    op.create_table(
        "paper_check",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="pending_review", nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reviewed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('pending_review', 'approved', 'rejected', 'replaced')", name=op.f("ck_paper_check_state_known")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_paper_check_amount_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_paper_check_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_paper_check_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_check")),
    )
    op.create_index(
        "ix_paper_check_order_id_id", "paper_check", ["order_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index(op.f("ix_paper_check_payment_id"), "paper_check", ["payment_id"], unique=False)
    op.create_index(
        "ix_paper_check_queue",
        "paper_check",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending_review'"),
    )
    op.create_index(
        "uq_paper_check_open",
        "paper_check",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending_review'"),
    )
    op.create_table(
        "stripe_intent",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="intended", nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("pay_link_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("payment_intent_id", sa.String(), nullable=True),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_ask_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("caller", sa.Text(), server_default="", nullable=False),
        sa.Column("client_key", sa.Text(), server_default="", nullable=False),
        sa.Column("request_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('card', 'checkout', 'refund')", name=op.f("ck_stripe_intent_kind_known")),
        sa.CheckConstraint(
            "state IN ('intended', 'unknown', 'open', 'pending', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_stripe_intent_state_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_stripe_intent_amount_positive")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_stripe_intent_customer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_stripe_intent_order_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["pay_link_id"], ["pay_link.id"], name=op.f("fk_stripe_intent_pay_link_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_stripe_intent_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_intent")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_stripe_intent_idempotency_key")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_stripe_intent_provider_id")),
    )
    op.create_index(
        "ix_stripe_intent_client_key",
        "stripe_intent",
        ["caller", "client_key"],
        unique=False,
        postgresql_where=sa.text("client_key <> ''"),
    )
    op.create_index(op.f("ix_stripe_intent_customer_id"), "stripe_intent", ["customer_id"], unique=False)
    op.create_index(op.f("ix_stripe_intent_order_id"), "stripe_intent", ["order_id"], unique=False)
    op.create_index(op.f("ix_stripe_intent_pay_link_id"), "stripe_intent", ["pay_link_id"], unique=False)
    op.create_index(op.f("ix_stripe_intent_payment_id"), "stripe_intent", ["payment_id"], unique=False)
    op.create_index(op.f("ix_stripe_intent_payment_intent_id"), "stripe_intent", ["payment_intent_id"], unique=False)
    op.create_index(
        "ix_stripe_intent_to_ask",
        "stripe_intent",
        ["next_ask_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('intended', 'unknown', 'open', 'pending')"),
    )
    op.create_index(
        "uq_stripe_intent_card_order_amount",
        "stripe_intent",
        ["order_id", "amount"],
        unique=True,
        postgresql_where=sa.text("kind = 'card' AND state IN ('intended', 'unknown', 'open')"),
    )
    op.create_index(
        "uq_stripe_intent_checkout_link",
        "stripe_intent",
        ["pay_link_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'checkout' AND state IN ('intended', 'unknown', 'open')"),
    )
    op.create_table(
        "paper_check_image",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("side IN ('front', 'back')", name=op.f("ck_paper_check_image_side_known")),
        sa.ForeignKeyConstraint(
            ["check_id"], ["paper_check.id"], name=op.f("fk_paper_check_image_check_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("check_id", "side", name=op.f("pk_paper_check_image")),
    )


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first tables.")


def _install_job_queue() -> None:
    """pgqueuer's own tables; many statements in one text, which only the driver itself takes."""
    statements = QueryBuilderEnvironment().build_install_query()
    raw = op.get_bind().connection.dbapi_connection
    raw.run_async(lambda connection: connection.execute(statements))  # type: ignore[union-attr]
