"""keep the results of calls

Revision ID: 7d3e90b1c5f4
Revises: b3f7d2610c94
"""

import sqlalchemy as sa
from alembic import op

revision = "7d3e90b1c5f4"
down_revision = "b3f7d2610c94"
branch_labels = None
depends_on = None

COUNTS = ("calls", "orders", "evaluated", "score_sum", "resolved", "hallucinated")
REVIEWS = ("bad_flagged", "bad_approved", "good_flagged", "good_approved")
_ADD_UP = """
INSERT INTO call_sum (prompt_version_id, calls, orders, evaluated, score_sum, resolved, hallucinated, cost,
      bad_flagged, bad_approved, good_flagged, good_approved)
    SELECT coalesce(prompt_version_id, 0), {sign}count(*), {sign}count(order_id), {sign}count(eval_score),
      {sign}coalesce(sum(eval_score), 0), {sign}count(*) FILTER (WHERE eval_resolution = 'resolved'),
      {sign}count(*) FILTER (WHERE eval_hallucination), {sign}coalesce(sum(cost_dollars), 0),
      {sign}count(*) FILTER (WHERE is_bad AND eval_status = 'flagged'),
      {sign}count(*) FILTER (WHERE is_bad AND eval_status = 'reviewed'),
      {sign}count(*) FILTER (WHERE NOT is_bad AND eval_status = 'flagged'),
      {sign}count(*) FILTER (WHERE NOT is_bad AND eval_status = 'reviewed')
    FROM {rows}, LATERAL (SELECT coalesce(eval_score < 60, false) OR coalesce(eval_hallucination, false)
      OR coalesce(eval_escalation_needed, false)) AS judged(is_bad)
    GROUP BY prompt_version_id;
"""


def _add_up(sign: str, rows: str) -> str:
    return _ADD_UP.format(sign=sign, rows=rows).strip()


NOTE_CALL_SUMS = f"""
CREATE FUNCTION note_call_sum() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    {_add_up("", "written")}
  ELSIF TG_OP = 'DELETE' THEN
    {_add_up("-", "dropped")}
  ELSE
    {_add_up("-", "(SELECT OLD.*) AS was")}
    {_add_up("", "(SELECT NEW.*) AS becomes")}
  END IF;
  RETURN NULL;
END $body$
"""
_COLUMNS = (
    "prompt_version_id", "order_id", "eval_status", "eval_score", "eval_resolution", "eval_hallucination",
    "eval_escalation_needed", "cost_dollars",
)  # fmt: skip
_OLD, _NEW = (", ".join(f"{row}.{name}" for name in _COLUMNS) for row in ("OLD", "NEW"))
TRIGGERS = (
    """
CREATE TRIGGER call_sum_inserted AFTER INSERT ON call_log REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_call_sum()
""",
    """
CREATE TRIGGER call_sum_deleted AFTER DELETE ON call_log REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_call_sum()
""",
    f"""
CREATE TRIGGER call_sum_updated AFTER UPDATE OF {", ".join(_COLUMNS)} ON call_log
FOR EACH ROW WHEN (({_OLD}) IS DISTINCT FROM ({_NEW})) EXECUTE FUNCTION note_call_sum()
""",
)


def upgrade() -> None:
    op.create_table(
        "call_sum",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("prompt_version_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.Column("cost", sa.Numeric(precision=18, scale=4), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in REVIEWS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_sum")),
    )
    # The lock of a trigger keeps writers away until the end, so that no call is counted twice.
    for statement in (NOTE_CALL_SUMS, *TRIGGERS):
        op.execute(statement)
    op.execute(_add_up("", "call_log"))


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER call_sum_{trigger} ON call_log")
    op.execute("DROP FUNCTION note_call_sum()")
    op.drop_table("call_sum")
