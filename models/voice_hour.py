"""The results of voice agents' calls by hour, precalculated for the dashboard.

`models/kept_hours.py` explains how hours are noted. The revenue of a call also depends on its order, and on whether
another call of that order came first. Both may change concurrently, so triggers note the order, and its calls are
looked up when the note is read. An order that is placed notes nothing.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import DDL, BigInteger, Index, Numeric, event
from sqlmodel import Field

from models.base import Table, key, required_moment
from models.kept_hours import note_hours


class VoiceHour(Table, table=True):
    """The results of an agent's calls of one hour. Amounts are in US dollars.

    `orders` and `revenue` count each order once, for its first call, unless it is cancelled. `cost` is what the
    platform charged; `unpriced_seconds` are those of calls without a charge. Failed checks are calls, but not
    evaluated.
    """

    __tablename__ = "voice_hour"
    __table_args__ = (Index("ix_voice_hour_hour", "hour"),)

    id: int = key()
    hour: datetime = required_moment()
    # Not a foreign key: it is updated with the calls, which have the foreign key to the agent.
    agent_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    calls: int = Field(sa_type=BigInteger, nullable=False)
    orders: int = Field(sa_type=BigInteger, nullable=False)
    revenue: Decimal = Field(sa_type=Numeric(18, 2), nullable=False)
    cost: Decimal = Field(sa_type=Numeric(18, 4), nullable=False)
    unpriced_seconds: int = Field(sa_type=BigInteger, nullable=False)
    evaluated: int = Field(sa_type=BigInteger, nullable=False)
    score_sum: int = Field(sa_type=BigInteger, nullable=False)
    resolved: int = Field(sa_type=BigInteger, nullable=False)
    hallucinated: int = Field(sa_type=BigInteger, nullable=False)
    seconds: int = Field(sa_type=BigInteger, nullable=False)


class CallOrderChange(Table, table=True):
    """An order whose calls the dashboard must recount. Several rows may name the same order."""

    __tablename__ = "call_order_change"

    id: int = key()
    # Not a foreign key: a deleted order is noted too.
    order_id: int = Field(sa_type=BigInteger, nullable=False)


_OF_CALLS = "SELECT DISTINCT 'voice', date_trunc('hour', r.started_at, 'UTC') FROM {rows}"
NOTE_VOICE = note_hours(
    "voice",
    "call_log",
    _OF_CALLS,
    (
        "started_at", "agent_id", "order_id", "duration_seconds", "cost_dollars", "checker_verdict", "eval_score",
        "eval_resolution", "eval_hallucination",
    ),
)  # fmt: skip
NOTE_CALL_ORDERS = (
    """
CREATE FUNCTION note_call_orders() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO call_order_change (order_id) SELECT DISTINCT order_id FROM written WHERE order_id IS NOT NULL;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO call_order_change (order_id) SELECT DISTINCT order_id FROM dropped WHERE order_id IS NOT NULL;
  ELSE
    INSERT INTO call_order_change (order_id)
    SELECT DISTINCT order_id FROM (VALUES (OLD.order_id), (NEW.order_id)) AS r(order_id) WHERE order_id IS NOT NULL;
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER call_orders_inserted AFTER INSERT ON call_log REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_call_orders()
""",
    """
CREATE TRIGGER call_orders_deleted AFTER DELETE ON call_log REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_call_orders()
""",
    """
CREATE TRIGGER call_orders_updated AFTER UPDATE OF order_id, started_at ON call_log FOR EACH ROW
WHEN ((OLD.order_id, OLD.started_at) IS DISTINCT FROM (NEW.order_id, NEW.started_at))
EXECUTE FUNCTION note_call_orders()
""",
    """
CREATE FUNCTION note_order_of_calls() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO call_order_change (order_id) VALUES (NEW.id);
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER order_of_calls_updated AFTER UPDATE OF status, total_amount ON orders FOR EACH ROW
WHEN ((OLD.status = 'cancelled', OLD.total_amount) IS DISTINCT FROM (NEW.status = 'cancelled', NEW.total_amount))
EXECUTE FUNCTION note_order_of_calls()
""",
)
for _statement in (*NOTE_VOICE, *NOTE_CALL_ORDERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
