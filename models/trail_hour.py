"""Precalculated number of rows of the history by hour, so that a deep page need not count those before it.

Nearly every row is written in the hour that it names, so only hours that are over are stored. Triggers note an hour
when a row is added to it later, moved or deleted; writing an event of now costs a comparison.
"""

from datetime import datetime

from sqlalchemy import DDL, BigInteger, Index, event
from sqlmodel import Field

from models.base import Table, key, required_moment


class TrailHour(Table, table=True):
    """The number of changes of records and of events of orders in one hour; hours without any have no row."""

    __tablename__ = "trail_hour"
    __table_args__ = (Index("ix_trail_hour_hour", "hour"),)

    id: int = key()
    hour: datetime = required_moment()
    changes: int = Field(sa_type=BigInteger, nullable=False)
    events: int = Field(sa_type=BigInteger, nullable=False)


class TrailChange(Table, table=True):
    """An hour that must be counted again. Several rows may name the same hour."""

    __tablename__ = "trail_change"

    id: int = key()
    hour: datetime = required_moment()


# The tables of the history.
TRAIL_TABLES = ("audit_entry", "order_event")
_FUNCTION = """
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
"""
# The fold stores an hour when no transaction is running that began less than an hour after it: what such a transaction
# wrote without a note is then visible.
_TRIGGERS = (
    """
CREATE TRIGGER trail_inserted AFTER INSERT ON {table} FOR EACH ROW
WHEN (NEW.created_at < clock_timestamp() - interval '1 hour') EXECUTE FUNCTION note_trail()
""",
    """
CREATE TRIGGER trail_updated AFTER UPDATE OF created_at ON {table} FOR EACH ROW
WHEN (OLD.created_at IS DISTINCT FROM NEW.created_at) EXECUTE FUNCTION note_trail()
""",
    """
CREATE TRIGGER trail_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_trail()
""",
)
NOTE_TRAIL = (_FUNCTION, *(trigger.format(table=table) for table in TRAIL_TABLES for trigger in _TRIGGERS))
for _statement in NOTE_TRAIL:
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
