"""keep the results of voice agents by the hour

Revision ID: 5be1c07f92d4
Revises: 5d8e3c17a9b4

The triggers note nothing until this is committed, so the hours are counted under their lock.
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "5be1c07f92d4"
down_revision = "5d8e3c17a9b4"
branch_labels = None
depends_on = None

NOTE_VOICE = (
    """
CREATE FUNCTION note_voice_of_call_log() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'voice', date_trunc('hour', r.started_at, 'UTC') FROM written AS r;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'voice', date_trunc('hour', r.started_at, 'UTC') FROM dropped AS r;
  ELSE
    INSERT INTO hour_change (report, hour) SELECT DISTINCT 'voice', date_trunc('hour', r.started_at, 'UTC') FROM (SELECT OLD.*) AS r UNION SELECT DISTINCT 'voice', date_trunc('hour', r.started_at, 'UTC') FROM (SELECT NEW.*) AS r;
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER note_voice_of_call_log_inserted AFTER INSERT ON call_log REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_voice_of_call_log()
""",
    """
CREATE TRIGGER note_voice_of_call_log_deleted AFTER DELETE ON call_log REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_voice_of_call_log()
""",
    """
CREATE TRIGGER note_voice_of_call_log_updated AFTER UPDATE OF started_at, agent_id, order_id, duration_seconds, cost_dollars, checker_verdict, eval_score, eval_resolution, eval_hallucination ON call_log
FOR EACH ROW WHEN ((OLD.started_at, OLD.agent_id, OLD.order_id, OLD.duration_seconds, OLD.cost_dollars, OLD.checker_verdict, OLD.eval_score, OLD.eval_resolution, OLD.eval_hallucination) IS DISTINCT FROM (NEW.started_at, NEW.agent_id, NEW.order_id, NEW.duration_seconds, NEW.cost_dollars, NEW.checker_verdict, NEW.eval_score, NEW.eval_resolution, NEW.eval_hallucination)) EXECUTE FUNCTION note_voice_of_call_log()
""",
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
COUNT = """
INSERT INTO voice_hour (hour, agent_id, calls, orders, revenue, cost, unpriced_seconds, evaluated, score_sum, resolved,
  hallucinated, seconds)
SELECT date_trunc('hour', c.started_at, 'UTC'), c.agent_id, count(*), count(o.total_amount),
  coalesce(sum(o.total_amount), 0), coalesce(sum(c.cost_dollars), 0),
  coalesce(sum(c.duration_seconds) FILTER (WHERE c.cost_dollars IS NULL), 0), count(c.score),
  coalesce(sum(c.score), 0), count(c.score) FILTER (WHERE c.eval_resolution = 'resolved'),
  count(c.score) FILTER (WHERE c.eval_hallucination), sum(c.duration_seconds)
FROM (
  SELECT *, CASE WHEN checker_verdict IS DISTINCT FROM 'fail' THEN eval_score END AS score,
    row_number() OVER (PARTITION BY order_id ORDER BY started_at, id) AS place
  FROM (
    SELECT id, started_at, agent_id, order_id, duration_seconds, cost_dollars, checker_verdict, eval_score,
      eval_resolution, eval_hallucination
    FROM call_log
  ) AS small
) AS c
LEFT JOIN orders AS o ON o.id = c.order_id AND c.place = 1 AND o.status <> 'cancelled'
GROUP BY 1, 2 ORDER BY 1, 2
"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_table(
        "voice_hour",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("cost", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("unpriced_seconds", sa.BigInteger(), nullable=False),
        sa.Column("evaluated", sa.BigInteger(), nullable=False),
        sa.Column("score_sum", sa.BigInteger(), nullable=False),
        sa.Column("resolved", sa.BigInteger(), nullable=False),
        sa.Column("hallucinated", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_hour")),
    )
    op.create_index("ix_voice_hour_hour", "voice_hour", ["hour"])
    op.create_table(
        "call_order_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_order_change")),
    )
    lock_tables("orders", "call_log")
    for statement in NOTE_VOICE:
        op.execute(statement)
    op.execute(COUNT)


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER note_voice_of_call_log_{trigger} ON call_log")
        op.execute(f"DROP TRIGGER call_orders_{trigger} ON call_log")
    op.execute("DROP TRIGGER order_of_calls_updated ON orders")
    for function in ("note_voice_of_call_log", "note_call_orders", "note_order_of_calls"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DELETE FROM hour_change WHERE report = 'voice'")
    op.drop_table("call_order_change")
    op.drop_table("voice_hour")
