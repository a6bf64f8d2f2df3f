"""Labels, where parcels are, what packers scanned, and which box a product goes into.

Revision ID: labels
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "labels"
down_revision = "terms_of_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "label_batch",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("choice", sa.String(), server_default="cheapest", nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_batch")),
    )
    op.create_table(
        "box_rule",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("qty_per_box", sa.Integer(), server_default="1", nullable=False),
        sa.Column("box_name", sa.Text(), server_default="", nullable=False),
        sa.Column("length_in", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("width_in", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("height_in", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("length_in > 0 AND width_in > 0 AND height_in > 0", name=op.f("ck_box_rule_sizes_positive")),
        sa.CheckConstraint("qty_per_box > 0", name=op.f("ck_box_rule_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_box_rule_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_box_rule")),
        sa.UniqueConstraint("product_id", name=op.f("uq_box_rule_product_id")),
    )
    op.create_table(
        "label",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), server_default="intended", nullable=False),
        sa.Column("purchase", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("carrier", sa.Text(), server_default="", nullable=False),
        sa.Column("service", sa.Text(), server_default="", nullable=False),
        sa.Column("rate", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("insurance", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=True),
        sa.Column("rate_id", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("tracker_id", sa.String(), nullable=True),
        sa.Column("label_url", sa.Text(), server_default="", nullable=False),
        sa.Column("refund_status", sa.Text(), nullable=True),
        sa.Column("void_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bought_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_ask_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller", sa.Text(), server_default="", nullable=False),
        sa.Column("client_key", sa.Text(), server_default="", nullable=False),
        sa.Column("request_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('intended', 'buying', 'unknown', 'bought', 'failed')", name=op.f("ck_label_state_known")
        ),
        sa.CheckConstraint("position > 0", name=op.f("ck_label_position_positive")),
        sa.ForeignKeyConstraint(["batch_id"], ["label_batch.id"], name=op.f("fk_label_batch_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_label_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
        sa.UniqueConstraint("reference", name=op.f("uq_label_reference")),
        sa.UniqueConstraint("shipment_id", name=op.f("uq_label_shipment_id")),
    )
    op.create_index(op.f("ix_label_batch_id"), "label", ["batch_id"], unique=False)
    op.create_index(
        "ix_label_bought", "label", ["bought_at"], unique=False, postgresql_where=sa.text("bought_at IS NOT NULL")
    )
    op.create_index(
        "ix_label_client_key",
        "label",
        ["caller", "client_key"],
        unique=False,
        postgresql_where=sa.text("client_key <> ''"),
    )
    op.create_index("ix_label_order_id_id", "label", ["order_id", "id"], unique=False)
    op.create_index(
        "ix_label_to_ask",
        "label",
        ["next_ask_at"],
        unique=False,
        postgresql_where=sa.text(
            "state = 'intended' OR state = 'buying' OR state = 'unknown' OR void_asked_at IS NOT NULL OR refund_status = 'submitted'"
        ),
    )
    op.create_index(op.f("ix_label_tracker_id"), "label", ["tracker_id"], unique=False)
    op.create_index(
        "ix_label_tracking_number",
        "label",
        ["tracking_number"],
        unique=False,
        postgresql_where=sa.text("tracking_number IS NOT NULL"),
    )
    op.create_index("uq_label_purchase_position", "label", ["purchase", "position"], unique=True)
    op.create_table(
        "label_batch_order",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("carrier", sa.Text(), server_default="", nullable=False),
        sa.Column("service", sa.Text(), server_default="", nullable=False),
        sa.Column("cost", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("parcels", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expected_on", sa.Text(), server_default="", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("proposal", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'asking', 'bought', 'needs_you', 'left_out')",
            name=op.f("ck_label_batch_order_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["label_batch.id"], name=op.f("fk_label_batch_order_batch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_label_batch_order_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_batch_order")),
    )
    op.create_index("ix_label_batch_order_order_id", "label_batch_order", ["order_id"], unique=False)
    op.create_index("uq_label_batch_order_batch_order", "label_batch_order", ["batch_id", "order_id"], unique=True)
    op.create_table(
        "packer_visit",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_packer_visit_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_packer_visit_staff_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("order_id", "staff_id", name=op.f("pk_packer_visit")),
    )
    op.create_index("ix_packer_visit_staff_id", "packer_visit", ["staff_id"], unique=False)
    op.create_table(
        "tracker",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("tracking_number", sa.String(), nullable=False),
        sa.Column("carrier", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), server_default="unknown", nullable=False),
        sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_url", sa.Text(), server_default="", nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_tracker_order_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracker")),
    )
    op.create_index(
        "ix_tracker_expected",
        "tracker",
        ["expected_at"],
        unique=False,
        postgresql_where=sa.text("expected_at IS NOT NULL AND status <> 'delivered'"),
    )
    op.create_index("ix_tracker_number", "tracker", ["tracking_number"], unique=False)
    op.create_index(op.f("ix_tracker_provider_id"), "tracker", ["provider_id"], unique=False)
    op.create_index("uq_tracker_order_number", "tracker", ["order_id", "tracking_number"], unique=True)
    op.create_table(
        "label_file",
        sa.Column("label_id", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name=op.f("fk_label_file_label_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("label_id", name=op.f("pk_label_file")),
    )
    op.create_table(
        "label_scan",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_item_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("scanned", sa.Text(), server_default="", nullable=False),
        sa.Column("scan_key", sa.String(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_label_scan_quantity_counts")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_label_scan_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["order_item_id"], ["order_item.id"], name=op.f("fk_label_scan_order_item_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_scan")),
    )
    op.create_index("ix_label_scan_order_item", "label_scan", ["order_id", "order_item_id"], unique=False)
    op.create_index("ix_label_scan_order_item_id", "label_scan", ["order_item_id"], unique=False)
    op.create_index("uq_label_scan_order_key", "label_scan", ["order_id", "scan_key"], unique=True)
    op.add_column("orders", sa.Column("picked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_orders_delivered",
        "orders",
        ["delivered_at"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NOT NULL"),
    )
    op.create_index(
        "ix_orders_set_aside",
        "orders",
        ["set_aside_at"],
        unique=False,
        postgresql_where=sa.text("set_aside_at IS NOT NULL"),
    )
    op.create_index(
        "ix_orders_shipped", "orders", ["shipped_at"], unique=False, postgresql_where=sa.text("shipped_at IS NOT NULL")
    )
    op.create_index(
        "ix_orders_to_ship",
        "orders",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'confirmed' OR status = 'packed' OR status = 'pending' AND NOT on_hold"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_orders_to_ship",
        table_name="orders",
        postgresql_where=sa.text("status = 'confirmed' OR status = 'packed' OR status = 'pending' AND NOT on_hold"),
    )
    op.drop_index("ix_orders_shipped", table_name="orders", postgresql_where=sa.text("shipped_at IS NOT NULL"))
    op.drop_index("ix_orders_set_aside", table_name="orders", postgresql_where=sa.text("set_aside_at IS NOT NULL"))
    op.drop_index("ix_orders_delivered", table_name="orders", postgresql_where=sa.text("delivered_at IS NOT NULL"))
    op.drop_column("orders", "set_aside_at")
    op.drop_column("orders", "picked_at")
    op.drop_index("uq_label_scan_order_key", table_name="label_scan")
    op.drop_index("ix_label_scan_order_item_id", table_name="label_scan")
    op.drop_index("ix_label_scan_order_item", table_name="label_scan")
    op.drop_table("label_scan")
    op.drop_table("label_file")
    op.drop_index("uq_tracker_order_number", table_name="tracker")
    op.drop_index(op.f("ix_tracker_provider_id"), table_name="tracker")
    op.drop_index("ix_tracker_number", table_name="tracker")
    op.drop_index(
        "ix_tracker_expected",
        table_name="tracker",
        postgresql_where=sa.text("expected_at IS NOT NULL AND status <> 'delivered'"),
    )
    op.drop_table("tracker")
    op.drop_index("ix_packer_visit_staff_id", table_name="packer_visit")
    op.drop_table("packer_visit")
    op.drop_index("uq_label_batch_order_batch_order", table_name="label_batch_order")
    op.drop_index("ix_label_batch_order_order_id", table_name="label_batch_order")
    op.drop_table("label_batch_order")
    op.drop_index("uq_label_purchase_position", table_name="label")
    op.drop_index(
        "ix_label_tracking_number", table_name="label", postgresql_where=sa.text("tracking_number IS NOT NULL")
    )
    op.drop_index(op.f("ix_label_tracker_id"), table_name="label")
    op.drop_index(
        "ix_label_to_ask",
        table_name="label",
        postgresql_where=sa.text(
            "state = 'intended' OR state = 'buying' OR state = 'unknown' OR void_asked_at IS NOT NULL OR refund_status = 'submitted'"
        ),
    )
    op.drop_index("ix_label_order_id_id", table_name="label")
    op.drop_index("ix_label_client_key", table_name="label", postgresql_where=sa.text("client_key <> ''"))
    op.drop_index("ix_label_bought", table_name="label", postgresql_where=sa.text("bought_at IS NOT NULL"))
    op.drop_index(op.f("ix_label_batch_id"), table_name="label")
    op.drop_table("label")
    op.drop_table("box_rule")
    op.drop_table("label_batch")
