"""The kept hours of the voice dashboard against the calls: whatever happens to calls and orders, it shows a recount."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_range_bounds, business_today
from domain.voice.dashboard import DashboardQuery, Figures, Granularity, read_dashboard
from domain.voice.voice_hours import fold_voice_hours
from models import CallOrderChange, HourChange, VoiceAgent, VoiceHour
from tests.factories.picks import pick

HERE, ELSEWHERE = ZoneInfo("America/Chicago"), ZoneInfo("Asia/Kathmandu")
PER_MINUTE = Decimal("0.07")
DAYS = 9
ONE_CALL, ONE_ORDER = pick("call_log"), pick("orders")
ACTS = (
    f"""
    INSERT INTO call_log (call_id, transcript, tool_outputs, checker_reasons, agent_id, order_id, duration_seconds,
      cost_dollars, eval_score, started_at)
    SELECT :salt || n, '[]', '[]', '[]', CASE WHEN n < 3 THEN CAST(:agent AS bigint) END,
      CASE WHEN n <> 2 THEN {ONE_ORDER} END, :count * 37, CASE WHEN n = 1 THEN 0.0123 * :count END, :score,
      CAST(:at AS timestamptz) - n * interval '25 minutes'
    FROM generate_series(1, 3) AS n
    """,
    "INSERT INTO orders (order_number, subtotal, total_amount) VALUES ('VOICE-' || :salt, :count, :count)",
    f"""
    UPDATE call_log SET eval_score = :score, eval_resolution = :resolution, eval_hallucination = :flag
    WHERE id = {ONE_CALL}
    """,
    f"UPDATE call_log SET order_id = {ONE_ORDER} WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET started_at = :at WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET checker_verdict = :verdict, cost_dollars = 1.005 WHERE id = {ONE_CALL}",
    f"UPDATE call_log SET duration_seconds = 61, cost_dollars = NULL WHERE id = {ONE_CALL}",
    f"DELETE FROM call_log WHERE id = {ONE_CALL}",
    f"UPDATE orders SET subtotal = subtotal + 2, total_amount = total_amount + 2 WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET status = 'cancelled' WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET status = 'packed' WHERE id = {ONE_ORDER}",
    f"DELETE FROM orders WHERE id = {ONE_ORDER}",
    f"DELETE FROM voice_agent WHERE id = {pick('voice_agent')} AND (SELECT count(*) FROM voice_agent) > 2",
)
# Each order once, for its first call, unless it is cancelled.
RECOUNT = text("""
SELECT (c.started_at AT TIME ZONE :zone)::date AS day, count(*) AS calls, count(o.id) AS orders,
  coalesce(sum(o.total_amount), 0) AS revenue,
  round(sum(coalesce(c.cost_dollars, CAST(:per_minute AS numeric) * c.duration_seconds / 60)), 2) AS cost,
  count(score) AS evaluated, coalesce(sum(score), 0) AS score_sum,
  count(score) FILTER (WHERE eval_resolution = 'resolved') AS resolved,
  count(score) FILTER (WHERE eval_hallucination) AS hallucinated, sum(c.duration_seconds) AS seconds
FROM call_log AS c
CROSS JOIN LATERAL (SELECT CASE WHEN coalesce(checker_verdict, '') <> 'fail' THEN eval_score END) AS judged(score)
LEFT JOIN orders AS o ON o.id = c.order_id AND o.status <> 'cancelled' AND c.id = (
  SELECT id FROM call_log WHERE order_id = o.id ORDER BY started_at, id LIMIT 1
)
WHERE c.started_at >= :begins AND c.started_at < :ends
  AND (CAST(:agent_id AS bigint) IS NULL OR c.agent_id = :agent_id)
GROUP BY day
""")


async def change_at_random(db: AsyncSession, dice: random.Random) -> None:
    """One thing that happens to calls, orders or agents, chosen by the dice."""
    agents = list(await db.scalars(select(VoiceAgent.id).order_by(VoiceAgent.id)))
    values = {
        "salt": f"{dice.randrange(10**9):09}",
        "at": datetime.now(UTC) - timedelta(minutes=dice.randrange(60 * 24 * (DAYS + 3))),
        "agent": dice.choice(agents),
        "count": dice.randrange(1, 4),
        "score": dice.choice((None, 10, 95)),
        "resolution": dice.choice((None, "resolved", "resolved", "partly")),
        "verdict": dice.choice((None, "pass", "fail")),
        "flag": dice.choice((None, False, True)),
    }
    statement = dice.choice((*ACTS[:2], *ACTS[:3], *ACTS[:5], *ACTS))
    await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


async def compare(db: AsyncSession, zone: ZoneInfo) -> None:
    """Each day of the dashboard, of all agents and of one, against the calls."""
    last = business_today(zone)
    first = last - timedelta(days=DAYS)
    begins, ends = business_range_bounds(first, last, zone)
    for agent_id in (None, await db.scalar(select(func.min(VoiceAgent.id)))):
        values = {"zone": zone.key, "begins": begins, "ends": ends, "agent_id": agent_id, "per_minute": PER_MINUTE}
        plain: dict[date, Figures] = {row[0]: Figures(*row[1:]) for row in await db.execute(RECOUNT, values)}
        asked = DashboardQuery(date_from=first, date_to=last, agent_id=agent_id)
        shown = await read_dashboard(db, asked, timezone=zone, cost_per_minute=PER_MINUTE)
        assert {row.period: row.figures for row in shown.rows if row.figures.calls} == plain
        by_month = asked.model_copy(update={"granularity": Granularity.MONTHLY})
        assert (await read_dashboard(db, by_month, timezone=zone, cost_per_minute=PER_MINUTE)).summary == shown.summary


@pytest.mark.parametrize(("seed", "zone"), [(0, HERE), (1, ELSEWHERE), (2, HERE), (3, ELSEWHERE)])
async def test_the_dashboard_is_a_recount_s_whatever_happens(db: AsyncSession, seed: int, zone: ZoneInfo) -> None:
    dice = random.Random(seed)
    db.add_all(VoiceAgent(name=f"Agent {n}") for n in range(4))
    await db.flush()
    for _ in range(90):
        await change_at_random(db, dice)
        if dice.random() < 0.15:
            await fold_voice_hours(db)
        if dice.random() < 0.3:
            await compare(db, zone)
    await fold_voice_hours(db)
    assert await db.scalar(select(func.count()).select_from(HourChange).where(HourChange.report == "voice")) == 0
    assert await db.scalar(select(func.count()).select_from(CallOrderChange)) == 0
    assert await db.scalar(select(func.count()).select_from(VoiceHour)) != 0
    await compare(db, zone)


async def test_placing_and_moving_an_order_notes_nothing(db: AsyncSession) -> None:
    await db.execute(text("INSERT INTO orders (order_number, subtotal, total_amount) VALUES ('VOICE-1', 12, 12)"))
    await db.execute(text("UPDATE orders SET status = 'packed', staff_notes = 'Ring twice'"))
    assert await db.scalar(select(func.count()).select_from(CallOrderChange)) == 0
    await db.execute(text("UPDATE orders SET status = 'cancelled'"))
    assert await db.scalar(select(func.count()).select_from(CallOrderChange)) == 1
