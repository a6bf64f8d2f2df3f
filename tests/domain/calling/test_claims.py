"""Claims, outcomes and undoing them: two callers never get the same person, and do-not-call is never offered."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling import claim, outcomes, remind
from domain.calling.call_customer import call_customer_today
from domain.calling.claim import ClaimNext, claim_next
from domain.calling.hours_key import find_hours_key
from domain.calling.outcomes import RecordOutcome, record_outcome, save_note, undo_outcome
from domain.kernel.clock import business_today, now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.messages.suppression import is_do_not_call, mark_do_not_call
from domain.orders.business import current_business
from domain.sales import call_page
from domain.sales.call_page import get_floor_day
from models import CallingEntry, CallingEvent, CallOutcome, Customer, OutboundCallLog, Role, SuppressionReason
from models.session import Database
from tests.factories import as_actor, make_customer, make_staff, next_number

# A Tuesday at noon in New York, nine in Los Angeles.
NOON = datetime(2026, 12, 1, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "now", lambda: NOON)


async def make_entry(db: AsyncSession, area: str = "216", **values: Any) -> CallingEntry:
    phone = f"+1{area}555{next_number() % 10_000:04d}"
    entry = CallingEntry(**{"phone": phone, "hours_key": find_hours_key(phone)} | values)
    db.add(entry)
    await db.flush()
    return entry


async def test_the_best_who_may_be_called_is_claimed_once(db: AsyncSession) -> None:
    rep, other = as_actor(await make_staff(db, Role.SALES_REP)), as_actor(await make_staff(db, Role.SALES_REP))
    west = await make_entry(db, "415", priority_score=99)
    quiet = await make_entry(db, priority_score=98)
    await mark_do_not_call(db, quiet.phone or "", reason=SuppressionReason.STAFF, by=rep)
    called = await make_entry(db, priority_score=97, last_called_at=now() - timedelta(days=1))
    theirs = await make_entry(db, priority_score=96, assigned_to=other.id)
    tired = await make_entry(db, priority_score=95)
    for _ in range(3):
        db.add(OutboundCallLog(phone=tired.phone or "", outcome="no_answer"))
    later = await make_entry(db, priority_score=94, callback_on=date(2030, 1, 1))
    best = await make_entry(db, priority_score=60)
    due = await make_entry(db, priority_score=5, callback_on=date(2026, 1, 1), last_called_at=now())
    second = await make_entry(db, priority_score=50)
    order = []
    while (entry := await claim_next(db, ClaimNext(), by=rep)) is not None:
        order.append(entry.id)
    assert order == [due.id, best.id, second.id]
    assert not {west.id, quiet.id, called.id, later.id} & set(order)
    found = await claim_next(db, ClaimNext(), by=other)
    assert found is not None
    assert found.id == theirs.id
    best.claimed_until = now() - timedelta(hours=1)
    await db.flush()
    again = await claim_next(db, ClaimNext(), by=rep)
    assert again is not None
    assert again.id == best.id


async def test_two_callers_never_meet(committed: Database) -> None:
    async with committed.session() as db:
        reps = [as_actor(await make_staff(db, Role.SALES_REP)) for _ in range(2)]
        allowed = {(await make_entry(db, priority_score=index % 50)).id for index in range(60)}
        for _ in range(10):
            await make_entry(db, "415", priority_score=90)
        await db.commit()

    async def clear(rep: Any) -> list[int]:
        claimed: list[int] = []
        while True:
            async with committed.session() as db:
                entry = await claim_next(db, ClaimNext(), by=rep)
                await db.commit()
            if entry is None:
                return claimed
            claimed.append(entry.id)

    first, second = await asyncio.gather(*(clear(rep) for rep in reps))
    assert len(first + second) == len(set(first + second))
    assert set(first + second) <= allowed
    # One that was looked at by both at once is offered again to the next who asks.
    assert set(first + second) | set(await clear(reps[0])) == allowed


@pytest.mark.parametrize(
    ("outcome", "status", "score", "days"),
    [
        (CallOutcome.SALE_MADE, "customer", 0, None),
        (CallOutcome.INTERESTED_CALLBACK, "callback", 55, 7),
        (CallOutcome.BUSY_CALLBACK, "callback", 35, 1),
        (CallOutcome.NOT_INTERESTED, "contacted", 0, None),
        (CallOutcome.NO_ANSWER, "contacted", 27, None),
        (CallOutcome.WRONG_NUMBER, "closed", 0, None),
    ],
)
async def test_an_outcome_moves_the_entry_and_is_taken_back(
    db: AsyncSession, outcome: CallOutcome, status: str, score: float, days: int | None
) -> None:
    rep = as_actor(await make_staff(db, Role.SALES_REP))
    entry = await make_entry(db, draft_note="asks for Ana")
    done = await record_outcome(db, entry.id, RecordOutcome(outcome=outcome), by=rep)
    await db.refresh(entry)
    assert (entry.status, entry.last_outcome) == (status, outcome)
    assert entry.priority_score == pytest.approx(score, abs=0.01)
    assert (entry.callback_on is None) == (days is None)
    call = await db.get_one(OutboundCallLog, done.call_id)
    assert (call.notes, call.staff_id, call.phone) == ("asks for Ana", rep.id, entry.phone)
    assert await undo_outcome(db, done.call_id, by=rep) == entry.id
    await db.refresh(entry)
    assert (entry.status, entry.last_outcome, entry.callback_on, entry.last_called_at) == ("new", "", None, None)
    assert (entry.priority_score, entry.draft_note) == (30, "asks for Ana")
    assert await db.scalar(select(func.count()).select_from(CallingEvent)) == 0


async def test_an_outcome_sent_twice_is_one_call(db: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    rep, other = as_actor(await make_staff(db, Role.SALES_REP)), as_actor(await make_staff(db, Role.SALES_REP))
    entry = await make_entry(db)
    silent = RecordOutcome(outcome=CallOutcome.NO_ANSWER)
    first = await record_outcome(db, entry.id, silent, by=rep)
    assert (await record_outcome(db, entry.id, silent, by=rep)).call_id == first.call_id
    sold = [RecordOutcome(outcome=CallOutcome.SALE_MADE, order_number=number) for number in ("LLD-A", "LLD-A", "LLD-B")]
    calls = [(await record_outcome(db, entry.id, each, by=rep)).call_id for each in sold]
    assert (calls[0] == calls[1], len({first.call_id, *calls})) == (True, 3)
    third = await record_outcome(db, entry.id, silent, by=rep)
    assert (await record_outcome(db, entry.id, silent, by=other)).call_id != third.call_id
    monkeypatch.setattr(outcomes, "now", lambda: now() + timedelta(seconds=11))
    later = await record_outcome(db, entry.id, silent, by=other)
    assert await db.scalar(select(func.max(OutboundCallLog.id))) == later.call_id
    assert await db.scalar(select(func.count()).select_from(OutboundCallLog)) == 6


async def test_undoing_a_call_keeps_what_a_colleague_logged_after_it(db: AsyncSession) -> None:
    rep, other = as_actor(await make_staff(db, Role.SALES_REP)), as_actor(await make_staff(db, Role.SALES_REP))
    entry = await make_entry(db)
    first = await record_outcome(db, entry.id, RecordOutcome(outcome=CallOutcome.NO_ANSWER), by=rep)
    wished = RecordOutcome(outcome=CallOutcome.INTERESTED_CALLBACK, callback_date=date(2030, 1, 7))
    second = await record_outcome(db, entry.id, wished, by=other)
    await db.refresh(entry)
    called_at = entry.last_called_at
    await undo_outcome(db, first.call_id, by=rep)
    await db.refresh(entry)
    assert (entry.status, entry.last_outcome, entry.callback_on, entry.last_called_at) == (
        "callback", "interested_callback", date(2030, 1, 7), called_at,
    )  # fmt: skip
    assert entry.priority_score == pytest.approx(55, abs=0.01)
    # The first call is gone, so the second one's undo leads back before it.
    await undo_outcome(db, second.call_id, by=other)
    await db.refresh(entry)
    assert (entry.status, entry.last_outcome, entry.callback_on, entry.last_called_at) == ("new", "", None, None)
    with pytest.raises(NotFound):
        await undo_outcome(db, first.call_id, by=rep)


async def test_a_call_that_began_before_its_entry_was_given_away_is_finished(db: AsyncSession) -> None:
    rep, other = as_actor(await make_staff(db, Role.SALES_REP)), as_actor(await make_staff(db, Role.SALES_REP))
    entry = await make_entry(db, priority_score=60)
    claimed = await claim_next(db, ClaimNext(), by=rep)
    assert claimed is not None
    await db.execute(update(CallingEntry).where(CallingEntry.id == entry.id).values(assigned_to=other.id))
    await save_note(db, entry.id, "Takes ten", by=rep)
    sold = await record_outcome(db, entry.id, RecordOutcome(outcome=CallOutcome.SALE_MADE), by=rep)
    call = await db.get_one(OutboundCallLog, sold.call_id)
    assert (call.staff_id, call.notes) == (rep.id, "Takes ten")
    with pytest.raises(NotFound):
        await record_outcome(db, entry.id, RecordOutcome(outcome=CallOutcome.NO_ANSWER), by=rep)
    assert await undo_outcome(db, sold.call_id, by=rep) == entry.id
    await db.execute(update(CallingEntry).values(claimed_until=now() - timedelta(seconds=1)))
    with pytest.raises(NotFound):
        await save_note(db, entry.id, "Later", by=rep)


async def test_what_cannot_be_taken_back_is_refused(db: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    rep, other = as_actor(await make_staff(db, Role.SALES_REP)), as_actor(await make_staff(db, Role.SALES_REP))
    entry = await make_entry(db)
    with pytest.raises(Refused) as refusal:
        await record_outcome(db, entry.id, RecordOutcome(outcome=CallOutcome.DNC_REQUESTED), by=rep)
    assert refusal.value.code == Code.CONFIRM_FIRST
    past = RecordOutcome(outcome=CallOutcome.BUSY_CALLBACK, callback_date=date(2020, 1, 1))
    with pytest.raises(InvalidInput):
        await record_outcome(db, entry.id, past, by=rep)
    done = await record_outcome(db, entry.id, RecordOutcome(outcome=CallOutcome.NO_ANSWER), by=rep)
    with pytest.raises(NotFound):
        await undo_outcome(db, done.call_id, by=other)
    monkeypatch.setattr(outcomes, "now", lambda: now() + timedelta(seconds=20))
    with pytest.raises(Refused):
        await undo_outcome(db, done.call_id, by=rep)
    confirmed = RecordOutcome(outcome=CallOutcome.DNC_REQUESTED, confirmed=True)
    marked = await record_outcome(db, entry.id, confirmed, by=rep)
    assert marked.can_undo is False
    assert await is_do_not_call(db, entry.phone or "")
    with pytest.raises(Refused):
        await undo_outcome(db, marked.call_id, by=rep)


async def test_who_is_closed_waits_for_the_caller_who_wants_to_be_reminded(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remind, "now", lambda: NOON)
    rep, other = as_actor(await make_staff(db, Role.SALES_REP)), as_actor(await make_staff(db, Role.SALES_REP))
    east = await make_entry(db, priority_score=90)
    west = await make_entry(db, "415", priority_score=10, last_called_at=now() - timedelta(days=1))
    with pytest.raises(Refused, match="may be called now"):
        await remind.remind_me(db, east.id, by=rep)
    opens = await remind.remind_me(db, west.id, by=rep)
    # Ten in the morning in San Francisco.
    assert opens == datetime(2026, 12, 1, 18, tzinfo=UTC)
    with pytest.raises(Refused, match="A colleague is keeping this call"):
        await remind.remind_me(db, west.id, by=other)
    [waiting] = (await get_floor_day(db, by=rep)).reminders
    assert (waiting.id, waiting.opens_at, waiting.until) == (west.id, opens, opens + timedelta(minutes=15))
    first = await claim_next(db, ClaimNext(), by=rep)
    assert (first and first.id, await claim_next(db, ClaimNext(), by=rep)) == (east.id, None)
    east.claimed_until = now() - timedelta(hours=1)
    await db.flush()
    monkeypatch.setattr(claim, "now", lambda: opens + timedelta(minutes=1))
    theirs = await claim_next(db, ClaimNext(), by=other)
    assert theirs is not None
    assert theirs.id == east.id
    mine = await claim_next(db, ClaimNext(), by=rep)
    assert mine is not None
    assert mine.id == west.id
    await db.refresh(west)
    assert west.reminded_at is None
    assert (await get_floor_day(db, by=rep)).reminders == []


async def test_a_reminder_is_forgotten_by_who_asked_for_it(db: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remind, "now", lambda: NOON)
    rep, other = as_actor(await make_staff(db, Role.SALES_REP)), as_actor(await make_staff(db, Role.SALES_REP))
    west = await make_entry(db, "415")
    await remind.remind_me(db, west.id, by=rep)
    await remind.forget_reminder(db, west.id, by=other)
    await db.refresh(west)
    assert west.claimed_by == rep.id
    await remind.forget_reminder(db, west.id, by=rep)
    await db.refresh(west)
    assert (west.claimed_by, west.claimed_until, west.reminded_at) == (None, None, None)
    quiet = await make_entry(db, "415")
    await mark_do_not_call(db, quiet.phone or "", reason=SuppressionReason.STAFF, by=rep)
    with pytest.raises(Refused, match="nothing to be reminded of"):
        await remind.remind_me(db, quiet.id, by=rep)


async def test_who_asked_not_to_be_called_by_either_number_is_neither_added_to_calls_nor_reminded_of(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remind, "now", lambda: NOON)
    rep = as_actor(await make_staff(db, Role.SALES_REP))
    zone = current_business().timezone
    for number in ("phone", "phone2"):
        phones = {"phone": f"+1415555{next_number():04}", "phone2": f"+1415555{next_number():04}"}
        customer = await make_customer(db, **phones)
        entry = await make_entry(db, "415", customer_id=customer.id, **phones)
        await mark_do_not_call(db, phones[number], reason=SuppressionReason.STAFF, by=rep)
        # The number alone is marked, as when a colleague marks it before the customer has it.
        await db.execute(update(Customer).where(Customer.id == customer.id).values(do_not_call=False))
        await db.refresh(customer)
        with pytest.raises(Refused, match="asked not to be called"):
            await call_customer_today(db, customer.id, timezone=zone, by=rep)
        with pytest.raises(Refused, match="nothing to be reminded of"):
            await remind.remind_me(db, entry.id, by=rep)
        await db.refresh(entry)
        assert (entry.callback_on, entry.reminded_at) == (None, None)
    other = await make_customer(db, phone=f"+1415555{next_number():04}")
    made = await call_customer_today(db, other.id, timezone=zone, by=rep)
    assert (await db.get_one(CallingEntry, made)).callback_on == business_today(zone)


async def test_a_callers_day_names_nobody_who_must_not_be_called(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remind, "now", lambda: NOON)
    monkeypatch.setattr(call_page, "now", lambda: NOON)
    rep = as_actor(await make_staff(db, Role.SALES_REP))
    customer = await make_customer(db)
    entries = [
        await make_entry(db, "415", callback_on=date(2026, 12, 1), phone2=f"+1415556{next_number():04}"),
        await make_entry(db, "415", callback_on=date(2026, 12, 2), customer_id=customer.id),
        await make_entry(db, "415", callback_on=date(2026, 12, 3)),
    ]
    for entry in entries:
        await remind.remind_me(db, entry.id, by=rep)
    day = await get_floor_day(db, by=rep)
    assert [each.id for each in day.callbacks] == [each.id for each in day.reminders] == [each.id for each in entries]
    await mark_do_not_call(db, entries[0].phone2 or "", reason=SuppressionReason.STAFF, by=rep)
    customer.do_not_call = True
    await db.flush()
    day = await get_floor_day(db, by=rep)
    assert [each.id for each in day.callbacks] == [each.id for each in day.reminders] == [entries[2].id]


async def test_a_call_that_a_colleague_is_on_is_theirs(db: AsyncSession) -> None:
    rep, other = as_actor(await make_staff(db, Role.SALES_REP)), as_actor(await make_staff(db, Role.SALES_REP))
    entry = await make_entry(db)
    no_answer = RecordOutcome(outcome=CallOutcome.NO_ANSWER)
    assert await claim_next(db, ClaimNext(), by=rep) is not None
    for act in (record_outcome(db, entry.id, no_answer, by=other), save_note(db, entry.id, "mine", by=other)):
        with pytest.raises(Refused, match=f"{rep.name} is on this call"):
            await act
    # What is written keeps the call for as long again.
    entry.claimed_until = now() + timedelta(seconds=5)
    await db.flush()
    await save_note(db, entry.id, "Asks for Ana", by=rep)
    assert entry.claimed_until is not None
    assert entry.claimed_until > now() + timedelta(minutes=14)
    # A claim that ran out stands for no caller, until the next one has it.
    entry.claimed_until = now() - timedelta(seconds=1)
    await db.flush()
    assert (await claim_next(db, ClaimNext(), by=other)) is not None
    with pytest.raises(Refused, match=f"{other.name} is on this call"):
        await record_outcome(db, entry.id, no_answer, by=rep)
    entry.claimed_until = now() - timedelta(seconds=1)
    await db.flush()
    today = RecordOutcome(outcome=CallOutcome.BUSY_CALLBACK, callback_date=business_today(current_business().timezone))
    done = await record_outcome(db, entry.id, today, by=rep)
    # The callback of today is the colleague's next call; taking it back leaves it with them.
    again = await claim_next(db, ClaimNext(), by=other)
    assert again is not None
    assert again.id == entry.id
    assert await undo_outcome(db, done.call_id, by=rep) == entry.id
    await db.refresh(entry)
    assert (entry.claimed_by, entry.last_outcome) == (other.id, "")
