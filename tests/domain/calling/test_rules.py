"""Who may be called: the one function against a plain model of the rule, border places, and what the database knows."""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours import DEFAULT_WINDOWS, find_windows, read_state_hours, read_windows
from domain.calling.rules import Callee, CallRule, Known, find_exhausted_numbers, find_place, judge_call, judge_calls
from domain.calling.zones import US_ZONES, find_zones
from domain.kernel.clock import now
from domain.messages.suppression import mark_do_not_call
from models import CallingEntry, CallingEvent, OutboundCallLog, SuppressionReason
from models.session import Database
from tests.factories import as_actor, make_staff
from tests.statements import noted_statements

# Written out by hand, so that the test does not ask the code what a holiday is.
HOLIDAYS = {
    date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19), date(2026, 7, 3),
    date(2026, 7, 4), date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26), date(2026, 12, 25),
}  # fmt: skip
# The only rows whose statutes were read: weekday -> opening and closing hour.
VERIFIED = {
    "FL": dict.fromkeys(range(6), (8, 20)),
    "WA": dict.fromkeys(range(6), (8, 20)),
    "RI": dict.fromkeys(range(5), (9, 18)) | {5: (10, 17)},
}
# ZIP, number, and the zones in which both say somebody may be.
PLACES = [
    ("44099", "+12165550148", {"America/New_York"}),
    ("60601", "+13125550148", {"America/Chicago"}),
    ("80202", "+13035550148", {"America/Denver"}),
    ("94103", "+14155550148", {"America/Los_Angeles"}),
    ("85004", "+16025550148", {"America/Phoenix"}),
    ("96813", "+18085550148", {"Pacific/Honolulu"}),
    ("10001", "+14155550148", {"America/New_York", "America/Los_Angeles"}),
    ("60601", "+18005550148", {"America/Chicago"}),
    ("", "+12165550148", {"America/New_York"}),
    ("", "+18505550148", {"America/New_York", "America/Chicago"}),
    ("", "+18005550148", set(US_ZONES)),
]
STATES = ["", "OH", "FL", "WA", "RI", "TX", "OK", "AL"]


def is_allowed(zones: set[str], state: str, at: datetime, made: list[datetime]) -> bool:
    """The rule in plain words: fewer than three calls in a day, and every zone within its hours."""
    if sum(at - timedelta(hours=24) < when <= at for when in made) >= 3:
        return False
    for zone in zones:
        local = at.astimezone(ZoneInfo(zone))
        hours = VERIFIED.get(state, dict.fromkeys(range(6), (10, 20))).get(local.weekday())
        if local.date() in HOLIDAYS or hours is None or not time(hours[0]) <= local.time() < time(hours[1]):
            return False
    return True


def test_ten_thousand_random_cases_follow_the_rule() -> None:
    rng = random.Random(7)
    starts = [datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)]
    allowed = 0
    for case in range(10_000):
        zip_code, phone, zones = rng.choice(PLACES)
        state = rng.choice(STATES)
        start = rng.choice(starts) if case % 2 else datetime(2026, 1, 2, tzinfo=UTC)
        at = start + timedelta(minutes=rng.randrange(3 * 1440 if case % 2 else 340 * 1440))
        made = [at - timedelta(minutes=rng.randrange(2880)) for _ in range(rng.choice([0, 0, 0, 1, 2, 3, 4]))]
        verdict = judge_call(Callee(phone, zip_code, state), Known(attempts={phone: made}), at=at)
        assert verdict.allowed == is_allowed(zones, state, at, made), (zip_code, phone, state, at)
        allowed += verdict.allowed
        if not verdict.allowed:
            assert verdict.rule
            assert verdict.why
            assert verdict.callable_from
            assert verdict.callable_from > at
            before = verdict.callable_from - timedelta(minutes=1)
            assert is_allowed(zones, state, verdict.callable_from, made)
            assert not is_allowed(zones, state, before, made) or before < at
    assert 1_500 < allowed < 6_000


@pytest.mark.parametrize(
    ("zip_code", "phone", "zones"),
    [
        ("46401", "+12195550100", ("America/Chicago",)),
        ("", "+12195550100", ("America/Chicago",)),
        ("42701", "+12705550100", ("America/New_York",)),
        ("42101", "+12705550100", ("America/Chicago",)),
        ("", "+12705550100", ("America/Chicago", "America/New_York")),
        ("32301", "+18505550100", ("America/New_York",)),
        ("32501", "+18505550100", ("America/Chicago",)),
        ("37402", "+14235550100", ("America/New_York",)),
        ("37347", "+14235550100", ("America/Chicago",)),
        ("83702", "+12085550100", ("America/Denver",)),
        ("83801", "+12085550100", ("America/Los_Angeles",)),
        ("97914-1234", "+15415550100", ("America/Denver",)),
        ("99546", "+19075550100", ("America/Adak",)),
        ("32501", "+12125550100", ("America/Chicago", "America/New_York")),
        ("no zip", "", US_ZONES),
    ],
)
def test_border_places_are_called_by_their_own_clock(zip_code: str, phone: str, zones: tuple[str, ...]) -> None:
    assert find_zones(phone, zip_code) == zones


def test_no_row_opens_hours_before_eight_or_after_nine_and_unread_statutes_do_not_count() -> None:
    assert read_windows("mon 06:00-23:00")[0] == (time(8), time(21))
    for row in read_state_hours().values():
        assert row.statute
        assert row.source
        if row.verified_on is None:
            assert find_windows(row.state) == DEFAULT_WINDOWS
    assert find_windows("RI")[5] == (time(10), time(17))
    assert find_windows("RI")[6] is None
    assert find_place("+14015550100").state == "RI"


def test_each_rule_says_its_name_and_from_when() -> None:
    thanksgiving = judge_call(Callee("+12165550148"), Known(), at=datetime(2026, 11, 26, 17, tzinfo=UTC))
    assert thanksgiving.rule is CallRule.HOLIDAY
    assert thanksgiving.why == "It is Thanksgiving Day there (New York time)."
    assert thanksgiving.callable_from == datetime(2026, 11, 27, 15, tzinfo=UTC)
    sunday = judge_call(Callee("+12165550148"), Known(), at=datetime(2026, 11, 29, 17, tzinfo=UTC))
    assert (sunday.rule, sunday.callable_from) == (CallRule.DAY, datetime(2026, 11, 30, 15, tzinfo=UTC))
    early = judge_call(Callee("+18085550148"), Known(), at=datetime(2026, 11, 30, 17, 40, tzinfo=UTC))
    assert early.rule is CallRule.HOURS
    assert early.why == "It is 7:40 am there (Honolulu time); calls are made from 10:00 am to 8:00 pm."
    assert early.callable_from == datetime(2026, 11, 30, 20, tzinfo=UTC)
    nobody = judge_call(Callee(None), Known(), at=datetime(2026, 11, 30, 17, tzinfo=UTC))
    assert (nobody.rule, nobody.callable_from) == (CallRule.NO_PHONE, None)


async def test_marks_and_calls_are_found_in_two_statements(database: Database, db: AsyncSession) -> None:
    by = as_actor(await make_staff(db))
    at = now()
    phones = [f"+1216555{number:04d}" for number in range(100, 160)]
    await mark_do_not_call(db, phones[0], reason=SuppressionReason.STAFF, by=by)
    for hours in (1, 5, 23, 25):
        db.add(OutboundCallLog(phone=phones[1], outcome="no_answer", created_at=at - timedelta(hours=hours)))
    entry = CallingEntry(phone=phones[2])
    db.add(entry)
    await db.flush()
    for hours in (1, 2):
        db.add(CallingEvent(entry_id=entry.id, kind="called", created_at=at - timedelta(hours=hours)))
    db.add(OutboundCallLog(phone=phones[2], outcome="busy_callback", created_at=at - timedelta(hours=3)))
    await db.flush()
    async with noted_statements(database) as statements:
        verdicts = await judge_calls(db, [Callee(phone, "44099") for phone in phones], at=at)
    assert len(statements) == 2
    assert verdicts[0].rule is CallRule.DO_NOT_CALL
    assert verdicts[0].callable_from is None
    assert [verdict.rule for verdict in verdicts[1:3]] == [CallRule.ATTEMPTS] * 2
    assert verdicts[1].why == "The number was called 3 times in 24 hours; 3 is the most."
    assert verdicts[3].rule not in {CallRule.ATTEMPTS, CallRule.DO_NOT_CALL}
    assert verdicts[3].answer["callable_now"] is verdicts[3].allowed
    assert sorted(await find_exhausted_numbers(db, at=at)) == phones[1:3]
    assert await find_exhausted_numbers(db, at=at - timedelta(hours=1.5)) == [phones[1]]
