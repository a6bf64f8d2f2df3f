"""Orders no longer wait for one another while they enqueue the job of a webhook; one run at a time sends.

Revision ID: 7c41d9a2e6b3
Revises: fdb8dc0d1182
"""

import sqlalchemy as sa
from alembic import op

revision = "7c41d9a2e6b3"
down_revision = "fdb8dc0d1182"
branch_labels = None
depends_on = None

QUEUE_WEBHOOKS = """
CREATE OR REPLACE FUNCTION queue_webhooks(event_kind text, event_subject text, event_data jsonb) RETURNS void
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
WITH_KEY = QUEUE_WEBHOOKS.replace("'endpoint_id', id))", "'endpoint_id', id), 'webhooks:' || id)")


def upgrade() -> None:
    op.add_column("webhook_endpoint", sa.Column("busy_until", sa.DateTime(timezone=True), nullable=True))
    op.execute(QUEUE_WEBHOOKS)


def downgrade() -> None:
    op.execute(WITH_KEY)
    op.drop_column("webhook_endpoint", "busy_until")
