"""Precalculated results of calls per prompt version, so that the voice pages cost the same for any number of calls.

Triggers insert a row for what each change of a call adds or subtracts, in its own transaction and without a lock. The
sum of all rows is always exact; a job folds them.
"""

from decimal import Decimal

from sqlalchemy import DDL, BigInteger, Numeric, event
from sqlmodel import Field

from models.base import Table, key

# Scores below this are bad. The triggers contain it, so another value needs a migration that counts the calls again.
GOOD_FROM = 60


class CallSum(Table, table=True):
    """The change of a prompt version's results since the last fold; after a fold, one row holds the total so far.

    `prompt_version_id` is 0 for calls without a version. Failed checks are calls, but not evaluated. The last four
    columns count reviewed calls by the evaluator's verdict (bad, good) and by the reviewer's (flagged, approved).
    """

    __tablename__ = "call_sum"

    id: int = key()
    # Not a foreign key: the calls have it.
    prompt_version_id: int = Field(sa_type=BigInteger, nullable=False)
    calls: int = Field(sa_type=BigInteger, nullable=False)
    orders: int = Field(sa_type=BigInteger, nullable=False)
    evaluated: int = Field(sa_type=BigInteger, nullable=False)
    score_sum: int = Field(sa_type=BigInteger, nullable=False)
    resolved: int = Field(sa_type=BigInteger, nullable=False)
    hallucinated: int = Field(sa_type=BigInteger, nullable=False)
    cost: Decimal = Field(sa_type=Numeric(18, 4), nullable=False)
    bad_flagged: int = Field(sa_type=BigInteger, nullable=False)
    bad_approved: int = Field(sa_type=BigInteger, nullable=False)
    good_flagged: int = Field(sa_type=BigInteger, nullable=False)
    good_approved: int = Field(sa_type=BigInteger, nullable=False)


_IS_BAD = f"""
coalesce(eval_score < {GOOD_FROM}, false) OR coalesce(eval_hallucination, false)
      OR coalesce(eval_escalation_needed, false)
"""
# A failed check is no evaluation: its score of 0 only puts the call on the review queue.
_IS_JUDGED = "checker_verdict IS DISTINCT FROM 'fail'"
_ADD_UP = f"""
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
    FROM {{rows}}, LATERAL (SELECT {_IS_JUDGED}, {_IS_BAD.strip()}) AS judged(is_judged, is_bad)
    GROUP BY prompt_version_id;
"""  # noqa: S608 - constants of ours


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
    "eval_escalation_needed", "cost_dollars", "checker_verdict",
)  # fmt: skip
_OLD, _NEW = (", ".join(f"{row}.{name}" for name in _COLUMNS) for row in ("OLD", "NEW"))
NOTE_CALL_SUMS_TRIGGERS = (
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
for _statement in (NOTE_CALL_SUMS, *NOTE_CALL_SUMS_TRIGGERS):
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
