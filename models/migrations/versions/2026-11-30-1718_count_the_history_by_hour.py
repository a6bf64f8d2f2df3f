"""count the history by hour

Revision ID: c2f6087b4e15
Revises: a91c3e60d7f2

The next one counts the rows of before.
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "c2f6087b4e15"
down_revision = "a91c3e60d7f2"
branch_labels = None
depends_on = None

NOTE_TRAIL = (
    """
CREATE FUNCTION note_trail() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO trail_change (hour) SELECT DISTINCT date_trunc('hour', created_at, 'UTC') FROM dropped;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO trail_change (hour) VALUES (date_trunc('hour', NEW.created_at, 'UTC'));
  ELSE
    INSERT INTO trail_change (hour) VALUES
      (date_trunc('hour', OLD.created_at, 'UTC')), (date_trunc('hour', NEW.created_at, 'UTC'));
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER trail_inserted AFTER INSERT ON audit_entry FOR EACH ROW
WHEN (NEW.created_at < clock_timestamp() - interval '1 hour') EXECUTE FUNCTION note_trail()
""",
    """
CREATE TRIGGER trail_updated AFTER UPDATE OF created_at ON audit_entry FOR EACH ROW
WHEN (OLD.created_at IS DISTINCT FROM NEW.created_at) EXECUTE FUNCTION note_trail()
""",
    """
CREATE TRIGGER trail_deleted AFTER DELETE ON audit_entry REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_trail()
""",
    """
CREATE TRIGGER trail_inserted AFTER INSERT ON order_event FOR EACH ROW
WHEN (NEW.created_at < clock_timestamp() - interval '1 hour') EXECUTE FUNCTION note_trail()
""",
    """
CREATE TRIGGER trail_updated AFTER UPDATE OF created_at ON order_event FOR EACH ROW
WHEN (OLD.created_at IS DISTINCT FROM NEW.created_at) EXECUTE FUNCTION note_trail()
""",
    """
CREATE TRIGGER trail_deleted AFTER DELETE ON order_event REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_trail()
""",
)


def upgrade() -> None:
    op.create_table(
        "trail_hour",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trail_hour")),
    )
    op.create_index("ix_trail_hour_hour", "trail_hour", ["hour"])
    op.create_table(
        "trail_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trail_change")),
    )
    lock_tables("order_event", "audit_entry")
    for statement in NOTE_TRAIL:
        op.execute(statement)


def downgrade() -> None:
    for table in ("audit_entry", "order_event"):
        for trigger in ("inserted", "updated", "deleted"):
            op.execute(f"DROP TRIGGER trail_{trigger} ON {table}")
    op.execute("DROP FUNCTION note_trail()")
    op.drop_table("trail_change")
    op.drop_table("trail_hour")
