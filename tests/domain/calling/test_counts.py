"""The kept counts of the calling list are those of its rows, whatever happens to entries, numbers and customers."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.counts import count_tabs, fold_calling_counts
from domain.calling.entries import ListEntries, find_conditions, list_entries
from domain.calling.marks import MAY_BE_LISTED
from domain.calling.tabs import Segment
from domain.calling.totals import refresh_all_totals, refresh_totals
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, now
from domain.messages.suppression import lift_do_not_call, mark_do_not_call
from domain.orders.calling_totals import refresh_calling_totals
from models import (
    CallingCount,
    CallingEntry,
    CallingMarkChange,
    Customer,
    Order,
    Role,
    SuppressedNumber,
    SuppressionReason,
)
from models.session import Database, raw_connection
from tests.factories import as_actor, make_customer, make_staff, next_number
from tests.statements import noted_statements

ZONE = ZoneInfo("America/Chicago")


# The plain way: every number and customer of an entry is looked up.
MARKED = or_(
    exists().where(SuppressedNumber.phone.in_((CallingEntry.phone, CallingEntry.phone2)), SuppressedNumber.do_not_call),
    exists().where(Customer.id == CallingEntry.customer_id, Customer.do_not_call),
)


async def count_rows(db: AsyncSession, actor: Actor, assignee: str = "") -> dict[Segment, int]:
    """The plain way: every row under the tab's own conditions."""
    found = {}
    for segment in Segment:
        conditions = find_conditions(ListEntries(segment=segment, assignee=assignee), visible_to=actor, timezone=ZONE)
        wanted = [~MARKED if part is MAY_BE_LISTED else part for part in conditions]
        assert wanted != conditions
        found[segment] = await db.scalar(select(func.count()).select_from(CallingEntry).where(*wanted)) or 0
    return found


async def find_differences(db: AsyncSession) -> list[int]:
    """The entries that are listed although they must not be called, or the other way round."""
    return list(await db.scalars(select(CallingEntry.id).where(MAY_BE_LISTED == MARKED)))


async def change_at_random(db: AsyncSession, dice: random.Random, reps: list[int], by: Actor) -> None:
    """One thing that happens to some entries, chosen by the dice."""
    ids = list(await db.scalars(select(CallingEntry.id)))
    some = CallingEntry.id.in_(dice.sample(ids, min(len(ids), dice.randrange(1, 4))))
    ago = now() - timedelta(days=dice.choice([0, 1, 2, 3, 89, 90, 91, 92]), minutes=dice.randrange(1440))
    match dice.randrange(14):
        case 0 | 1 | 2:
            await add_entries(db, dice, reps)
        case 3:
            await db.execute(update(CallingEntry).where(some).values(last_called_at=ago))
        case 4:
            await db.execute(update(CallingEntry).where(some).values(status=dice.choice(["closed", "new", "customer"])))
        case 5:
            await db.execute(update(CallingEntry).where(some).values(assigned_to=dice.choice([*reps, None])))
        case 6:
            first = ago - timedelta(days=dice.randrange(200))
            days = dice.randrange(1, 6)
            today = business_today(ZONE)
            begins, ends = sorted(today + timedelta(days=dice.randrange(-3, 4)) for _ in range(2))
            window = {"window_from": begins, "window_until": ends} if days > 1 else {}
            values = {"first_order_at": first, "last_order_at": ago, "order_days": days}
            await db.execute(update(CallingEntry).where(some).values(**values, **window))
        case 7:
            await db.execute(delete(CallingEntry).where(some))
        case 8 | 9:
            phone = await db.scalar(select(func.coalesce(CallingEntry.phone2, CallingEntry.phone)).where(some).limit(1))
            if phone is not None and dice.random() < 0.7:
                await mark_do_not_call(db, phone, reason=SuppressionReason.STAFF, by=by)
            elif phone is not None:
                await lift_do_not_call(db, phone, note="", by=by)
        case 10:
            customers = select(CallingEntry.customer_id).where(some)
            await db.execute(
                update(Customer).where(Customer.id.in_(customers)).values(do_not_call=dice.random() < 0.5),
                execution_options={"synchronize_session": False},
            )
        case 11 | 12:
            # An entry gets the second number or the customer of another one, or loses its number.
            name = dice.choice(["phone", "phone2", "customer_id"])
            await db.execute(update(CallingEntry).where(some).values({name: await pick(db, dice, name)}))
        case _:
            await fold_calling_counts(db, timezone=ZONE)


async def pick(db: AsyncSession, dice: random.Random, name: str) -> Any:
    """A number that is marked or listed, or a customer; a first number is unique, so none."""
    if name == "phone":
        return None
    if name == "customer_id":
        return dice.choice([None, *await db.scalars(select(Customer.id))])
    marked = list(await db.scalars(select(SuppressedNumber.phone)))
    return dice.choice([None, *marked, *await db.scalars(select(CallingEntry.phone2))])


async def add_entries(db: AsyncSession, dice: random.Random, reps: list[int]) -> None:
    for _ in range(dice.randrange(1, 4)):
        phones = [f"+1216{next_number():07}" if dice.random() < share else None for share in (0.8, 0.4)]
        customer = await make_customer(db) if dice.random() < 0.4 else None
        entry = CallingEntry(phone=phones[0], phone2=phones[1], assigned_to=dice.choice([*reps, None]))
        entry.customer_id = customer.id if customer is not None else None
        db.add(entry)
        await db.flush()


@pytest.mark.parametrize("seed", range(3))
async def test_the_counts_are_those_of_the_rows_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    manager, rep, other = [await make_staff(db, role) for role in (Role.MANAGER, Role.SALES_REP, Role.SALES_REP)]
    for step in range(80):
        await change_at_random(db, dice, [rep.id, other.id], as_actor(manager))
        if step % 4:
            continue
        assert await find_differences(db) == [], step
        for reader in (as_actor(manager), as_actor(rep)):
            assert await count_tabs(db, visible_to=reader, timezone=ZONE) == await count_rows(db, reader), step
        for asked, assignee in ((str(other.id), other.id), ("none", 0), (str(rep.id), rep.id)):
            for reader in (as_actor(manager), as_actor(rep)):
                kept = await count_tabs(db, visible_to=reader, timezone=ZONE, whose=[assignee])
                assert kept == await count_rows(db, reader, asked), (step, asked)
    await fold_calling_counts(db, timezone=ZONE)
    assert await db.scalar(select(func.count()).select_from(CallingMarkChange)) == 0
    assert list(await db.scalars(select(CallingEntry.id).where(CallingEntry.is_suppressed != MARKED))) == []
    folded = await db.scalar(select(func.count()).select_from(CallingCount))
    await fold_calling_counts(db, timezone=ZONE)
    assert await db.scalar(select(func.count()).select_from(CallingCount)) == folded
    assert await db.scalar(select(func.count()).where(~CallingCount.is_kept | (CallingCount.entries == 0))) == 0
    await db.execute(text("TRUNCATE calling_entry CASCADE"))
    assert await db.scalar(select(func.count()).select_from(CallingCount)) == 0


async def test_a_fold_writes_what_changed_alone(db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    one, other = CallingEntry(phone="+12165550141"), CallingEntry(phone="+12165550142", assigned_to=rep.id)
    db.add_all([one, other])
    await db.flush()
    await fold_calling_counts(db, timezone=ZONE)
    rows = text("SELECT assigned_to, kind, entries, ctid::text FROM calling_count ORDER BY assigned_to, kind")
    before = (await db.execute(rows)).all()
    assert [row[:3] for row in before] == [(0, "open", 1), (0, "phone", 1), (rep.id, "open", 1), (rep.id, "phone", 1)]
    await db.execute(update(CallingEntry).where(CallingEntry.id == one.id).values(phone=None))
    await fold_calling_counts(db, timezone=ZONE)
    # What nothing is left of is gone, and the others lie where they lay.
    assert (await db.execute(rows)).all() == [before[0], *before[2:]]


async def test_days_long_ago_are_stored_as_one(db: AsyncSession) -> None:
    ago = [now() - timedelta(days=days) for days in (99, 150, 200)]
    db.add_all(CallingEntry(last_order_at=at) for at in ago)
    await db.flush()
    await fold_calling_counts(db, timezone=ZONE)
    days = select(CallingCount.day, CallingCount.entries).where(CallingCount.kind == "ordered")
    first = business_today(ZONE) - timedelta(days=100)
    assert (await db.execute(days.order_by(CallingCount.day))).all() == [(first, 2), (ago[0].date(), 1)]


@pytest.mark.parametrize("entry_first", [True, False])
async def test_a_mark_and_an_entry_of_concurrent_transactions_are_both_seen(
    committed: Database, entry_first: bool
) -> None:
    phone = "+12165550143"
    async with committed.session() as one, committed.session() as other, committed.session() as reader:
        writers = [add_entry_with(one, phone), mark_number(other, phone)]
        for write in writers:
            await write
        # The fold between the two commits sees only the first.
        for session in (one, other) if entry_first else (other, one):
            await session.commit()
            await fold_calling_counts(reader, timezone=ZONE)
            await reader.commit()
            assert await find_differences(reader) == []
            await reader.commit()
        assert list(await reader.scalars(select(CallingEntry.id).where(CallingEntry.is_suppressed))) != []


@pytest.mark.parametrize("name", ["phone", "phone2", "customer_id"])
async def test_an_entry_that_gets_what_is_marked_leaves_the_list(db: AsyncSession, name: str) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    marked = await make_customer(db, phone="+12165550146", do_not_call=True)
    db.add_all([CallingEntry(phone="+12165550147"), SuppressedNumber(phone="+12165550146", do_not_call=True)])
    await db.flush()
    await fold_calling_counts(db, timezone=ZONE)
    for value, listed in ((marked.id if name == "customer_id" else marked.phone, 0), (None, 1)):
        await db.execute(update(CallingEntry).values({name: value}))
        for _ in range(2):
            page = await list_entries(db, ListEntries(segment=Segment.ALL), visible_to=manager, timezone=ZONE)
            assert (len(page.rows), page.total) == (listed, listed)
            await fold_calling_counts(db, timezone=ZONE)


async def add_entry_with(db: AsyncSession, phone: str) -> None:
    db.add(CallingEntry(phone=phone))
    await db.flush()


async def mark_number(db: AsyncSession, phone: str) -> None:
    db.add(SuppressedNumber(phone=phone, do_not_call=True))
    await db.flush()


async def test_what_does_not_matter_notes_no_entry(db: AsyncSession) -> None:
    customer = await make_customer(db, phone="+12165550144")
    db.add_all([CallingEntry(phone="+12165550144", customer_id=customer.id), SuppressedNumber(phone="+12165550145")])
    await db.flush()
    await fold_calling_counts(db, timezone=ZONE)
    await db.execute(text("UPDATE calling_entry SET last_called_at = now(), phone = phone, status = 'contacted'"))
    await db.execute(text("UPDATE customer SET notes = 'Ring twice', do_not_call = do_not_call"))
    await db.execute(text("UPDATE suppressed_number SET do_not_text = true, do_not_call = do_not_call"))
    assert await db.scalar(select(func.count()).select_from(CallingMarkChange)) == 0
    # An entry that is noted and unchanged is not written again.
    await db.execute(text("INSERT INTO calling_mark_change (entry_id) SELECT id FROM calling_entry"))
    place = text("SELECT ctid::text FROM calling_entry")
    before = await db.scalar(place)
    await fold_calling_counts(db, timezone=ZONE)
    assert await db.scalar(place) == before


async def test_the_total_of_any_list_is_the_number_of_its_rows(db: AsyncSession) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    dice = random.Random(9)
    for _ in range(6):
        await add_entries(db, dice, [])
    for asked in (
        {}, {"segment": "all"}, {"segment": "all", "status": "new"}, {"segment": "all", "q": "216"},
        {"segment": "all", "score_min": 31}, {"segment": "all", "score_max": 30}, {"assignee": "none"},
        {"assignee": "me"}, {"segment": "all", "purchased_skus": "lid"},
    ):  # fmt: skip
        query = ListEntries.model_validate(asked | {"per_page": 200})
        page = await list_entries(db, query, visible_to=manager, timezone=ZONE)
        assert page.total == len(page.rows), asked


@pytest.mark.parametrize(
    ("days", "begins", "ends"),
    [
        # 0.8 and 1.3 of ten days; of a day, which is the least; of 20 / 13 days, where 1.3 of the gap is two days.
        ([0, 10], 8, 13),
        ([0, 1], 1, 1),
        (range(21), 1, 1),
        ([0, 3], 3, 3),
        ([0, 5, 10, 15], 4, 6),
        ([0, *range(8, 21)], 2, 2),
        ([0], None, None),
    ],
)
async def test_a_window_is_of_the_customers_own_gap(
    db: AsyncSession, days: list[int], begins: int | None, ends: int | None
) -> None:
    customer = await make_customer(db, phone="+12165550140")
    entry = CallingEntry(phone="+12165550140", customer_id=customer.id)
    db.add(entry)
    first = datetime(2026, 3, 1, 18, tzinfo=UTC)
    for number, day in enumerate(days):
        order = Order(order_number=f"W-{number}", customer_id=customer.id, created_at=first + timedelta(days=day))
        db.add(order)
    await db.flush()
    last = date(2026, 3, 1) + timedelta(days=max(days))
    wanted = tuple(None if part is None else last + timedelta(days=part) for part in (begins, ends))
    for refresh in (
        refresh_totals(db, [entry.id], timezone=ZONE),
        refresh_calling_totals(await raw_connection(db), customer.id),
        refresh_all_totals(db, timezone=ZONE),
    ):
        await db.execute(update(CallingEntry).values(window_from=None, window_until=None, order_days=0))
        await refresh
        await db.refresh(entry)
        assert (entry.window_from, entry.window_until) == wanted


async def test_list_and_counts_take_three_statements(db: AsyncSession, database: Database) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    async with noted_statements(database) as statements:
        await list_entries(db, ListEntries(), visible_to=manager, timezone=ZONE)
        await count_tabs(db, visible_to=manager, timezone=ZONE)
    assert len(statements) == 3
