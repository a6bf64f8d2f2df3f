"""The results of voice agents' calls by hour: how they are counted, and the fold that stores them.

`models/voice_hour.py` says what is noted. Readers use the stored hours, and recount those that changed since.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.hours import HOUR, changed_between, count_for_good, take_notes

COLUMNS = (
    "calls", "orders", "revenue", "cost", "unpriced_seconds", "evaluated", "score_sum", "resolved", "hallucinated",
    "seconds",
)  # fmt: skip
_ALL = ", ".join(COLUMNS)
_OF_ORDERS = f"""
SELECT {HOUR.format("c.started_at")} FROM {{noted}} AS m JOIN call_log AS c ON c.order_id = m.order_id
""".strip()  # noqa: S608 - constants of ours
# The calls of the hours in `changed`; LATERAL, so that only the rows of these hours are read.
_EACH = """
SELECT c.started_at AS at, c.agent_id, 1 AS calls, (o.total_amount IS NOT NULL)::int AS orders,
  coalesce(o.total_amount, 0) AS revenue, coalesce(c.cost_dollars, 0) AS cost,
  CASE WHEN c.cost_dollars IS NULL THEN c.duration_seconds ELSE 0 END AS unpriced_seconds,
  (j.score IS NOT NULL)::int AS evaluated, coalesce(j.score, 0) AS score_sum,
  (j.score IS NOT NULL AND c.eval_resolution IS NOT DISTINCT FROM 'resolved')::int AS resolved,
  (j.score IS NOT NULL AND c.eval_hallucination IS TRUE)::int AS hallucinated, c.duration_seconds AS seconds
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id, started_at, agent_id, order_id, duration_seconds, cost_dollars, checker_verdict, eval_score,
    eval_resolution, eval_hallucination
  FROM call_log WHERE started_at >= h.hour AND started_at < h.hour + interval '1 hour' OFFSET 0
) AS c
CROSS JOIN LATERAL (SELECT CASE WHEN c.checker_verdict IS DISTINCT FROM 'fail' THEN c.eval_score END) AS j(score)
LEFT JOIN orders AS o ON o.id = c.order_id AND o.status <> 'cancelled' AND NOT EXISTS (
  SELECT FROM call_log AS e WHERE e.order_id = c.order_id AND (e.started_at, e.id) < (c.started_at, c.id)
)
"""
# The results between two moments, as rows to be summed up by time; the hours in `cut` are counted again.
RESULTS = f"""
{changed_between("begins", "ends", "voice", also=_OF_ORDERS.format(noted="call_order_change"))},
results AS (
  SELECT hour AS at, agent_id, {_ALL} FROM voice_hour
  WHERE hour >= CAST(:begins AS timestamptz) AND hour < CAST(:ends AS timestamptz)
    AND hour NOT IN (SELECT hour FROM changed)
  UNION ALL
  SELECT * FROM ({_EACH}) AS each WHERE at >= CAST(:begins AS timestamptz) AND at < CAST(:ends AS timestamptz)
)"""  # noqa: S608 - constants of ours
_FOLD = f"""
WITH moved AS (DELETE FROM call_order_change RETURNING order_id),
{take_notes("voice", also=_OF_ORDERS.format(noted="moved"))},
dropped AS (DELETE FROM voice_hour WHERE hour IN (SELECT hour FROM changed))
INSERT INTO voice_hour (hour, agent_id, {_ALL})
SELECT {HOUR.format("at")}, agent_id, {", ".join(f"sum({name})" for name in COLUMNS)}
FROM ({_EACH}) AS each GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - constants of ours


async def fold_voice_hours(db: AsyncSession) -> None:
    """Recount the hours whose calls or orders changed, and store them."""
    await count_for_good(db, _FOLD)
