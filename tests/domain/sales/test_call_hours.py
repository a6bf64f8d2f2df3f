"""The kept hours of calls against the calls themselves: whatever happens, figures are a plain count's."""

import random
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.hours import count_for_good
from domain.orders.business import Business, current_business
from domain.sales import call_hours
from domain.sales.call_hours import count_calls, fold_call_hours, list_by_hour
from models import HourChange, Role
from tests.factories import make_staff
from tests.factories.picks import pick

# The day begins at a quarter past an hour of UTC.
ELSEWHERE = ZoneInfo("Asia/Kathmandu")
DAYS = 20
ONE_ENTRY = pick("calling_entry")
ONE_CALL = pick("outbound_call_log")
ACTS = (
    "INSERT INTO calling_entry (phone, hours_key) VALUES ('+1216' || :digits, :key)",
    f"""
    INSERT INTO outbound_call_log (entry_id, staff_id, phone, outcome, created_at)
    SELECT {ONE_ENTRY}, :staff, '+12165550100', :outcome, :at
    """,
    f"""
    INSERT INTO calling_event (entry_id, kind, actor_kind, actor_id, created_at)
    SELECT id, :kind, :actor, :staff, :at FROM calling_entry WHERE id = {ONE_ENTRY}
    """,
    f"UPDATE calling_entry SET hours_key = :key WHERE id = {ONE_ENTRY}",
    f"UPDATE outbound_call_log SET outcome = :outcome, created_at = :at WHERE id = {ONE_CALL}",
    f"UPDATE outbound_call_log SET staff_id = NULL WHERE id = {ONE_CALL}",
    f"DELETE FROM outbound_call_log WHERE id = {ONE_CALL}",
    f"DELETE FROM calling_entry WHERE id = {ONE_ENTRY}",
)
COUNT = text("""
SELECT c.staff_id, extract(hour FROM c.created_at AT TIME ZONE coalesce(nullif(split_part(e.hours_key, '|', 2), ''),
  :zone))::int AS hour, count(*)::int AS calls, count(*) FILTER (WHERE c.outcome = 'sale_made')::int AS sales
FROM (
  SELECT created_at, staff_id, entry_id, outcome FROM outbound_call_log WHERE staff_id IS NOT NULL
  UNION ALL
  SELECT created_at, actor_id, entry_id, '' FROM calling_event WHERE kind = 'called' AND actor_kind = 'staff'
) AS c LEFT JOIN calling_entry AS e ON e.id = c.entry_id WHERE c.created_at >= :since
  AND c.created_at < :until GROUP BY 1, 2
""")


async def change_at_random(db: AsyncSession, dice: random.Random, reps: list[int]) -> None:
    """One thing that happens to calls or entries, chosen by the dice."""
    zone = dice.choice(("America/New_York", "America/Denver", "America/St_Johns", "Asia/Kathmandu", ""))
    values = {
        "at": datetime.now(UTC) - timedelta(minutes=dice.randrange(60 * 24 * DAYS)),
        "staff": dice.choice(reps),
        "outcome": dice.choice(("sale_made", "no_answer")),
        "kind": dice.choice(("called", "called", "email_opened")),
        "actor": dice.choice(("staff", "staff", "customer")),
        "key": f"|{zone}" if zone else "",
        "salt": str(dice.random()),
        "digits": f"{dice.randrange(10**7):07}",
    }
    statement = dice.choice((*ACTS[:3], *ACTS[:3], *ACTS[1:3], *ACTS))
    await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


async def compare(db: AsyncSession, reps: list[int], zone: tzinfo) -> None:
    """What is kept up to today and of days before, of everybody and of one rep, against the calls."""
    today = business_today(zone)
    for last in (today, today - timedelta(days=3)):
        await compare_until(db, reps, zone, last)


async def compare_until(db: AsyncSession, reps: list[int], zone: tzinfo, last: date) -> None:
    first = last - timedelta(days=DAYS // 2)
    since, until = start_of_business_day(first, zone), start_of_business_day(last + timedelta(days=1), zone)
    plain = list(await db.execute(COUNT, {"since": since, "until": until, "zone": str(zone)}))
    for rep_id in (None, reps[0]):
        rows = [row for row in plain if rep_id in {None, row.staff_id}]
        by_staff = {rep: sum(row.calls for row in rows if row.staff_id == rep) for rep in reps}
        assert await count_calls(db, first, last, rep_id=rep_id) == {rep: n for rep, n in by_staff.items() if n}
        by_hour = [
            (
                hour,
                sum(row.calls for row in rows if row.hour == hour),
                sum(row.sales for row in rows if row.hour == hour),
            )
            for hour in sorted({row.hour for row in rows})
        ]
        assert await list_by_hour(db, first, last, rep_id=rep_id) == by_hour


@pytest.mark.parametrize(("seed", "zone"), [(0, None), (1, ELSEWHERE), (2, None), (3, ELSEWHERE)])
async def test_calls_are_those_of_the_rows_whatever_happens(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch, seed: int, zone: ZoneInfo | None
) -> None:
    here = current_business()
    if zone is not None:
        monkeypatch.setattr(call_hours, "current_business", lambda: Business(timezone=zone))
    dice = random.Random(seed)
    reps = [(await make_staff(db, Role.SALES_REP)).id for _ in range(2)]
    for _ in range(60):
        await change_at_random(db, dice, reps)
        if dice.random() < 0.12:
            await fold_call_hours(db)
        if dice.random() < 0.06:
            # As a release counts that stores hours alone, and runs beside this one.
            await count_for_good(db, call_hours.FOLD_HOURS)
        if dice.random() < 0.25:
            await compare(db, reps, zone or here.timezone)
    await fold_call_hours(db)
    assert await db.scalar(select(func.count()).select_from(HourChange).where(HourChange.report == "calls")) == 0
    await compare(db, reps, zone or here.timezone)
