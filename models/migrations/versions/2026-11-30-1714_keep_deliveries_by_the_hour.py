"""keep deliveries by the hour

Revision ID: e37a5c19d084
Revises: 8d20f6a3b7c1

Notes the hours of before: readers count them until the job has stored them.
"""

import sqlalchemy as sa
from alembic import op

revision = "e37a5c19d084"
down_revision = "8d20f6a3b7c1"
branch_labels = None
depends_on = None

TO_SHIP = "status = 'confirmed' OR status = 'packed' OR status = 'pending' AND NOT on_hold"
NOTE_DELIVERIES = (
    """
CREATE FUNCTION note_deliveries() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO hour_change (report, hour)
  SELECT DISTINCT 'deliveries', date_trunc('hour', r.at, 'UTC')
  FROM (VALUES (OLD.delivered_at), (NEW.delivered_at)) AS r(at) WHERE r.at IS NOT NULL;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER deliveries_inserted AFTER INSERT ON orders FOR EACH ROW
WHEN (NEW.delivered_at > now() - interval '16 days') EXECUTE FUNCTION note_deliveries()
""",
    """
CREATE TRIGGER deliveries_deleted AFTER DELETE ON orders FOR EACH ROW
WHEN (OLD.delivered_at IS NOT NULL) EXECUTE FUNCTION note_deliveries()
""",
    """
CREATE TRIGGER deliveries_updated AFTER UPDATE OF status, created_at, shipped_at, delivered_at ON orders FOR EACH ROW
WHEN (coalesce(OLD.delivered_at, NEW.delivered_at) IS NOT NULL
  AND (OLD.status = 'delivered', OLD.created_at, OLD.shipped_at, OLD.delivered_at)
  IS DISTINCT FROM (NEW.status = 'delivered', NEW.created_at, NEW.shipped_at, NEW.delivered_at))
EXECUTE FUNCTION note_deliveries()
""",
)
NOTE_BEFORE = """
INSERT INTO hour_change (report, hour)
SELECT DISTINCT 'deliveries', date_trunc('hour', delivered_at, 'UTC') FROM orders
WHERE delivered_at > now() - interval '16 days'
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_table(
        "delivery_hour",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("left_in_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_hour")),
    )
    op.create_index("ix_delivery_hour_hour", "delivery_hour", ["hour"])
    for statement in NOTE_DELIVERIES:
        op.execute(statement)
    op.execute(NOTE_BEFORE)
    op.drop_index("ix_orders_to_ship", "orders")
    op.create_index(
        "ix_orders_to_ship",
        "orders",
        ["created_at", "id"],
        postgresql_include=["status", "picked_at", "set_aside_at"],
        postgresql_where=sa.text(TO_SHIP),
    )


def downgrade() -> None:
    op.drop_index("ix_orders_to_ship", "orders")
    op.create_index("ix_orders_to_ship", "orders", ["created_at", "id"], postgresql_where=sa.text(TO_SHIP))
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER deliveries_{trigger} ON orders")
    op.execute("DROP FUNCTION note_deliveries()")
    op.execute("DELETE FROM hour_change WHERE report = 'deliveries'")
    op.drop_table("delivery_hour")
