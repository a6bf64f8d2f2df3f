"""The stored results of calls count no failed check as evaluated or reviewed.

Revision ID: 7e2a9c41d06f
Revises: a6e2c47d9b03

The calls are counted again, since the trigger can't tell what the one before it added.
"""

from alembic import op

from models.migrations.locks import lock_tables

revision = "7e2a9c41d06f"
down_revision = "a6e2c47d9b03"
branch_labels = None
depends_on = None

_IS_BAD = """coalesce(eval_score < 60, false) OR coalesce(eval_hallucination, false)
      OR coalesce(eval_escalation_needed, false)"""
ADD_UP = f"""
INSERT INTO call_sum (prompt_version_id, calls, orders, evaluated, score_sum, resolved, hallucinated, cost,
      bad_flagged, bad_approved, good_flagged, good_approved)
    SELECT coalesce(prompt_version_id, 0), {{sign}}count(*), {{sign}}count(order_id),
      {{sign}}count(eval_score) FILTER (WHERE is_judged), {{sign}}coalesce(sum(eval_score) FILTER (WHERE is_judged), 0),
      {{sign}}count(*) FILTER (WHERE is_judged AND eval_resolution = 'resolved'),
      {{sign}}count(*) FILTER (WHERE is_judged AND eval_hallucination), {{sign}}coalesce(sum(cost_dollars), 0),
      {{sign}}count(*) FILTER (WHERE is_judged AND is_bad AND eval_status = 'flagged'),
      {{sign}}count(*) FILTER (WHERE is_judged AND is_bad AND eval_status = 'reviewed'),
      {{sign}}count(*) FILTER (WHERE is_judged AND NOT is_bad AND eval_status = 'flagged'),
      {{sign}}count(*) FILTER (WHERE is_judged AND NOT is_bad AND eval_status = 'reviewed')
    FROM {{rows}}, LATERAL (SELECT checker_verdict IS DISTINCT FROM 'fail', {_IS_BAD}) AS judged(is_judged, is_bad)
    GROUP BY prompt_version_id;
"""  # noqa: S608 - constants of this file
ADD_UP_BEFORE = f"""
INSERT INTO call_sum (prompt_version_id, calls, orders, evaluated, score_sum, resolved, hallucinated, cost,
      bad_flagged, bad_approved, good_flagged, good_approved)
    SELECT coalesce(prompt_version_id, 0), {{sign}}count(*), {{sign}}count(order_id), {{sign}}count(eval_score),
      {{sign}}coalesce(sum(eval_score), 0), {{sign}}count(*) FILTER (WHERE eval_resolution = 'resolved'),
      {{sign}}count(*) FILTER (WHERE eval_hallucination), {{sign}}coalesce(sum(cost_dollars), 0),
      {{sign}}count(*) FILTER (WHERE is_bad AND eval_status = 'flagged'),
      {{sign}}count(*) FILTER (WHERE is_bad AND eval_status = 'reviewed'),
      {{sign}}count(*) FILTER (WHERE NOT is_bad AND eval_status = 'flagged'),
      {{sign}}count(*) FILTER (WHERE NOT is_bad AND eval_status = 'reviewed')
    FROM {{rows}}, LATERAL (SELECT {_IS_BAD}) AS judged(is_bad)
    GROUP BY prompt_version_id;
"""  # noqa: S608 - constants of this file
COLUMNS_BEFORE = (
    "prompt_version_id", "order_id", "eval_status", "eval_score", "eval_resolution", "eval_hallucination",
    "eval_escalation_needed", "cost_dollars",
)  # fmt: skip


def count_again(add_up: str, columns: tuple[str, ...]) -> None:
    def added(sign: str, rows: str) -> str:
        return add_up.format(sign=sign, rows=rows).strip()

    was, becomes = (", ".join(f"{row}.{name}" for name in columns) for row in ("OLD", "NEW"))
    op.execute("SET LOCAL statement_timeout = '30min'")
    lock_tables("call_log", "call_sum")
    op.execute(
        f"""
CREATE OR REPLACE FUNCTION note_call_sum() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    {added("", "written")}
  ELSIF TG_OP = 'DELETE' THEN
    {added("-", "dropped")}
  ELSE
    {added("-", "(SELECT OLD.*) AS was")}
    {added("", "(SELECT NEW.*) AS becomes")}
  END IF;
  RETURN NULL;
END $body$
"""
    )
    op.execute("DROP TRIGGER call_sum_updated ON call_log")
    op.execute(
        f"""
CREATE TRIGGER call_sum_updated AFTER UPDATE OF {", ".join(columns)} ON call_log
FOR EACH ROW WHEN (({was}) IS DISTINCT FROM ({becomes})) EXECUTE FUNCTION note_call_sum()
"""
    )
    op.execute("DELETE FROM call_sum")
    op.execute(added("", "call_log"))


def upgrade() -> None:
    count_again(ADD_UP, (*COLUMNS_BEFORE, "checker_verdict"))


def downgrade() -> None:
    count_again(ADD_UP_BEFORE, COLUMNS_BEFORE)
