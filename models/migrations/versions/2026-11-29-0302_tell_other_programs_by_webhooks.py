"""Other programs are told of orders and stock by webhooks, which triggers write.

Revision ID: fdb8dc0d1182
Revises: enqueue_by_function
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "fdb8dc0d1182"
down_revision = "enqueue_by_function"
branch_labels = None
depends_on = None

# A message for each endpoint that wants this kind, and a job for each such endpoint.
QUEUE_WEBHOOKS = """
CREATE FUNCTION queue_webhooks(event_kind text, event_subject text, event_data jsonb) RETURNS void
LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO webhook_delivery (endpoint_id, kind, subject, payload)
  SELECT id, event_kind, event_subject, jsonb_build_object(
    'type', event_kind,
    'timestamp', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'data', event_data
  )
  FROM webhook_endpoint WHERE is_active AND event_kind = ANY (kinds);
  PERFORM enqueue_job('deliver_webhooks', jsonb_build_object('endpoint_id', id), 'webhooks:' || id)
  FROM webhook_endpoint WHERE is_active AND event_kind = ANY (kinds);
END $body$
"""
ORDER_DATA = """
CREATE FUNCTION webhook_order_data(o orders) RETURNS jsonb LANGUAGE sql STABLE AS $body$
SELECT jsonb_build_object(
  'id', o.id, 'order_number', o.order_number, 'status', o.status, 'payment_status', o.payment_status,
  'source', o.source, 'customer_id', o.customer_id, 'total_amount', o.total_amount, 'amount_paid', o.amount_paid,
  'tracking_number', o.tracking_number
)
$body$
"""
# Orders of an import happened long ago, so nobody is told of them.
NOTE_PLACED = """
CREATE FUNCTION note_orders_placed() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT FROM webhook_endpoint WHERE is_active) THEN
    PERFORM queue_webhooks('order.placed', 'order:' || o.id, webhook_order_data(o))
    FROM written AS w JOIN orders AS o ON o.id = w.id WHERE w.source <> 'import' ORDER BY w.id;
    PERFORM queue_webhooks('order.paid', 'order:' || o.id, webhook_order_data(o))
    FROM written AS w JOIN orders AS o ON o.id = w.id
    WHERE w.source <> 'import' AND w.payment_status = 'paid' ORDER BY w.id;
  END IF;
  RETURN NULL;
END $body$
"""
NOTE_MOVED = """
CREATE FUNCTION note_order_moved() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.status <> OLD.status AND NEW.status IN ('shipped', 'delivered', 'cancelled') THEN
    PERFORM queue_webhooks('order.' || NEW.status, 'order:' || NEW.id, webhook_order_data(NEW));
  END IF;
  IF NEW.payment_status = 'paid' AND OLD.payment_status <> 'paid' THEN
    PERFORM queue_webhooks('order.paid', 'order:' || NEW.id, webhook_order_data(NEW));
  END IF;
  RETURN NULL;
END $body$
"""
NOTE_LOW = """
CREATE FUNCTION note_product_low() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  PERFORM queue_webhooks('product.low', 'product:' || NEW.id, jsonb_build_object(
    'id', NEW.id, 'sku', NEW.sku, 'name', NEW.name, 'stock_quantity', NEW.stock_quantity,
    'reorder_level', NEW.reorder_level
  ));
  RETURN NULL;
END $body$
"""
TRIGGERS = (
    """
CREATE TRIGGER webhooks_of_placed AFTER INSERT ON orders REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_orders_placed()
""",
    """
CREATE TRIGGER webhooks_of_moved AFTER UPDATE OF status, payment_status ON orders FOR EACH ROW
WHEN ((OLD.status, OLD.payment_status) IS DISTINCT FROM (NEW.status, NEW.payment_status))
EXECUTE FUNCTION note_order_moved()
""",
    """
CREATE TRIGGER webhooks_of_low AFTER UPDATE OF stock_quantity ON product FOR EACH ROW
WHEN (NEW.stock_quantity <= NEW.reorder_level AND OLD.stock_quantity > OLD.reorder_level)
EXECUTE FUNCTION note_product_low()
""",
)
STATEMENTS = (QUEUE_WEBHOOKS, ORDER_DATA, NOTE_PLACED, NOTE_MOVED, NOTE_LOW, *TRIGGERS)


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("disabled_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("sealed_secret", sa.Text(), server_default="", nullable=False),
        sa.Column("older_sealed_secret", sa.Text(), nullable=True),
        sa.Column("older_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["staff.id"], name=op.f("fk_webhook_endpoint_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
    )
    op.create_index(op.f("ix_webhook_endpoint_created_by"), "webhook_endpoint", ["created_by"], unique=False)
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'delivered', 'failed')", name=op.f("ck_webhook_delivery_state_known")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name=op.f("fk_webhook_delivery_endpoint_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
    )
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["endpoint_id", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_webhook_delivery_endpoint_id_id",
        "webhook_delivery",
        ["endpoint_id", sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_webhook_delivery_waiting",
        "webhook_delivery",
        ["endpoint_id", "subject", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for trigger, table in (
        ("webhooks_of_placed", "orders"),
        ("webhooks_of_moved", "orders"),
        ("webhooks_of_low", "product"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in (
        "note_product_low()",
        "note_order_moved()",
        "note_orders_placed()",
        "webhook_order_data(orders)",
        "queue_webhooks(text, text, jsonb)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_index(
        "ix_webhook_delivery_waiting", table_name="webhook_delivery", postgresql_where=sa.text("state = 'queued'")
    )
    op.drop_index("ix_webhook_delivery_endpoint_id_id", table_name="webhook_delivery")
    op.drop_index(
        "ix_webhook_delivery_due", table_name="webhook_delivery", postgresql_where=sa.text("state = 'queued'")
    )
    op.drop_table("webhook_delivery")
    op.drop_index(op.f("ix_webhook_endpoint_created_by"), table_name="webhook_endpoint")
    op.drop_table("webhook_endpoint")
