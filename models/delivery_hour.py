"""The deliveries of the last days by hour, precalculated for the warehouse page.

`models/kept_hours.py` explains how hours are noted. Only recent hours are read, so older deliveries note nothing when
they are imported.
"""

from datetime import datetime

from sqlalchemy import DDL, BigInteger, Index, event
from sqlmodel import Field

from models.base import Table, key, required_moment


class DeliveryHour(Table, table=True):
    """The orders delivered in one hour, and how many of them had left as promised.

    `zone` is the time zone of the promises; hours with another one are counted again.
    """

    __tablename__ = "delivery_hour"
    __table_args__ = (Index("ix_delivery_hour_hour", "hour"),)

    id: int = key()
    hour: datetime = required_moment()
    zone: str
    delivered: int = Field(sa_type=BigInteger, nullable=False)
    left_in_time: int = Field(sa_type=BigInteger, nullable=False)


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
for _statement in NOTE_DELIVERIES:
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
