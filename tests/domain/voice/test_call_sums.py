"""The stored results of calls against the calls: whatever happens, the pages show a plain count's."""

import random
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.voice.agreement import Agreement, measure_agreement
from domain.voice.call_sums import NAMES, fold_call_sums
from domain.voice.prompts import list_versions
from models import GOOD_FROM, CallSum, PromptState, PromptVersion, VoiceAgent
from tests.factories.picks import pick

ONE_CALL = pick("call_log")
ONE_VERSION = pick("prompt_version")
ACTS = (
    f"""
    INSERT INTO call_log (call_id, transcript, tool_outputs, checker_reasons, prompt_version_id, cost_dollars,
      eval_score)
    SELECT :salt || n, '[]', '[]', '[]', CASE WHEN n < :count THEN {ONE_VERSION} END, n * 0.0123, CAST(:score AS int)
    FROM generate_series(1, 3) AS n
    """,
    f"""
    UPDATE call_log SET eval_status = :status, eval_score = :score, eval_resolution = :resolution,
      eval_hallucination = :flag, eval_escalation_needed = :other
    WHERE id = {ONE_CALL}
    """,
    # Each column that counts also changes alone.
    f"UPDATE call_log SET eval_status = :status WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET eval_score = :score WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET eval_resolution = :resolution WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET eval_hallucination = :flag WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET eval_escalation_needed = :other WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET prompt_version_id = {ONE_VERSION} WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET cost_dollars = CAST(:count AS int) * 0.05 WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET transcript_url = :salt WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET checker_verdict = :verdict WHERE id = {ONE_CALL}",
    f"DELETE FROM call_log WHERE id = {ONE_CALL}",
    "UPDATE call_log SET order_id = (SELECT max(id) FROM orders) WHERE order_id IS NULL",
    "DELETE FROM orders WHERE id = (SELECT max(id) FROM orders)",
    "INSERT INTO orders (order_number, total_amount) VALUES ('SUM-' || :salt, 0)",
    f"DELETE FROM prompt_version WHERE id = {ONE_VERSION} AND (SELECT count(*) FROM prompt_version) > 2",
)
VERSIONS = text("""
SELECT v.id, count(c.id), count(c.order_id), avg(j.eval_score), count(*) FILTER (WHERE j.eval_resolution = 'resolved'),
  count(*) FILTER (WHERE j.eval_hallucination), count(j.eval_score), coalesce(sum(c.cost_dollars), 0)
FROM prompt_version AS v LEFT JOIN call_log AS c ON c.prompt_version_id = v.id
LEFT JOIN call_log AS j ON j.id = c.id AND coalesce(j.checker_verdict, '') <> 'fail' GROUP BY v.id ORDER BY v.id
""")
VERDICTS = text("""
SELECT count(*) FILTER (WHERE bad AND flagged), count(*) FILTER (WHERE bad AND NOT flagged),
  count(*) FILTER (WHERE NOT bad AND flagged), count(*) FILTER (WHERE NOT bad AND NOT flagged)
FROM (
  SELECT coalesce(eval_score < :good, false) OR eval_hallucination IS true OR eval_escalation_needed IS true AS bad,
    eval_status = 'flagged' AS flagged
  FROM call_log WHERE eval_status IN ('reviewed', 'flagged') AND coalesce(checker_verdict, '') <> 'fail'
) AS judged
""")


async def change_at_random(db: AsyncSession, dice: random.Random) -> None:
    """One thing that happens to calls or versions, chosen by the dice."""
    values = {
        "salt": f"{dice.randrange(10**9):09}",
        "count": dice.randrange(1, 5),
        "score": dice.choice((None, 10, GOOD_FROM - 1, GOOD_FROM, 95)),
        "status": dice.choice(("pending", "complete", "reviewed", "reviewed", "flagged", "flagged")),
        "resolution": dice.choice((None, "resolved", "partly")),
        "verdict": dice.choice((None, "pass", "fail")),
        "flag": dice.choice((None, False, True)),
        "other": dice.choice((None, False, False, True)),
    }
    statement = dice.choice((*ACTS[:2], *ACTS[:2], *ACTS))
    await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


async def compare(db: AsyncSession) -> None:
    """What the pages read against the calls."""
    shown = [
        (row.id, row.calls, row.orders, row.avg_score, row.resolved, row.hallucinated, row.evaluated, row.cost)
        for row in sorted(await list_versions(db), key=lambda row: row.id)
    ]
    assert shown == [tuple(row) for row in await db.execute(VERSIONS)]
    verdicts = (await db.execute(VERDICTS, {"good": GOOD_FROM})).one()
    assert await measure_agreement(db) == Agreement(*verdicts)


@pytest.mark.parametrize("seed", range(4))
async def test_results_of_calls_are_a_recount_s_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    agent = VoiceAgent(name=f"Agent {seed}")
    db.add(agent)
    await db.flush()
    db.add_all(
        PromptVersion(agent_id=agent.id, number=number, state=PromptState.RETIRED, prompt="Be kind.")
        for number in (1, 2, 3)
    )
    await db.flush()
    for _ in range(80):
        await change_at_random(db, dice)
        if dice.random() < 0.1:
            await fold_call_sums(db)
        if dice.random() < 0.25:
            await compare(db)
    await fold_call_sums(db)
    await compare(db)
    assert (await db.scalar(select(func.count()).select_from(CallSum)) or 0) <= 4


async def test_a_fold_keeps_what_adds_no_call(db: AsyncSession) -> None:
    # Beside another fold, which has the version's own row, it sees no more than the notes of what changed.
    nothing: dict[str, Any] = dict.fromkeys(NAMES, 0)
    for version, orders in ((7, 1), (8, 0)):
        for calls in (-1, 1):
            counts = nothing | {"calls": calls, "orders": orders if calls > 0 else 0}
            db.add(CallSum(prompt_version_id=version, **counts))
    await db.flush()
    await fold_call_sums(db)
    assert (await db.execute(select(CallSum.prompt_version_id, CallSum.calls, CallSum.orders))).all() == [(7, 0, 1)]


async def test_a_change_that_no_figure_shows_is_not_noted(db: AsyncSession) -> None:
    await db.execute(
        text(
            "INSERT INTO call_log (call_id, transcript, tool_outputs, checker_reasons, cost_dollars) "
            "VALUES ('a', '[]', '[]', '[]', 1.5)"
        )
    )
    await fold_call_sums(db)
    await db.execute(text("UPDATE call_log SET transcript_url = 'b', eval_error = 'late'"))
    assert await db.scalar(select(func.count()).select_from(CallSum)) == 1
    assert await db.scalar(select(CallSum.cost)) == Decimal("1.5")
    await db.execute(text("DELETE FROM call_log"))
    await fold_call_sums(db)
    assert await db.scalar(select(func.count()).select_from(CallSum)) == 0
