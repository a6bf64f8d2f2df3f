"""Outgoing webhooks: the endpoints that are notified of events, and the queued messages to each of them.

Triggers write the messages in the act's own transaction, so that no act can forget them and none is sent for a change
that was rolled back.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DDL, Index, Text, event
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from models.base import Table, count, created, flag, key, link, moment, one_of, text


class EventKind(StrEnum):
    """The kinds of events for which endpoints can be notified."""

    ORDER_PLACED = "order.placed"
    ORDER_PAID = "order.paid"
    ORDER_SHIPPED = "order.shipped"
    ORDER_DELIVERED = "order.delivered"
    ORDER_CANCELLED = "order.cancelled"
    PRODUCT_LOW = "product.low"
    TEST = "test"


class DeliveryState(StrEnum):
    """The progress of a message. It has failed after being tried for three days."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookEndpoint(Table, table=True):
    """An endpoint that is notified of some kinds of events. The signing secret is encrypted and bound to this row.

    After a rotation, messages are also signed with the older secret until `older_until`. `busy_until` is set while a
    worker is sending.
    """

    __tablename__ = "webhook_endpoint"

    id: int = key()
    name: str
    url: str
    kinds: list[str] = Field(sa_type=ARRAY(Text), nullable=False)
    is_active: bool = flag(default=True)
    disabled_reason: str = text()
    sealed_secret: str = text()
    older_sealed_secret: str | None = text(nullable=True)
    older_until: datetime | None = moment()
    busy_until: datetime | None = moment()
    created_by: int | None = link("staff.id", nullable=True)
    created_at: datetime = created()


class WebhookDelivery(Table, table=True):
    """One message to one endpoint. Messages about the same subject (`order:17`) are sent in the order of their ids."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        one_of("state", DeliveryState),
        Index("ix_webhook_delivery_due", "endpoint_id", "next_attempt_at", postgresql_where=sql("state = 'queued'")),
        Index("ix_webhook_delivery_waiting", "endpoint_id", "subject", "id", postgresql_where=sql("state = 'queued'")),
        Index("ix_webhook_delivery_endpoint_id_id", "endpoint_id", sql("id DESC")),
    )

    id: int = key()
    endpoint_id: int = link("webhook_endpoint.id", index=False, ondelete="CASCADE")
    kind: str
    subject: str
    payload: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    state: str = Field(default="queued", sa_column_kwargs={"server_default": "queued"})
    attempts: int = count()
    next_attempt_at: datetime = created()
    last_status: int | None = None
    last_error: str = text()
    created_at: datetime = created()
    delivered_at: datetime | None = moment()


# Insert a message for each endpoint subscribed to this kind, and a job for each such endpoint. The jobs have no dedupe
# key: with a common key, every order would wait for the transaction of the previous order.
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
  PERFORM enqueue_job('deliver_webhooks', jsonb_build_object('endpoint_id', id))
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
# Imported orders are historical, so no endpoint is notified of them.
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
for _statement in STATEMENTS:
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
