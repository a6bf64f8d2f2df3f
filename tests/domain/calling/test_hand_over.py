"""Calls of a colleague who no longer sells: unassigned for managers, offered to no rep, handed over with customers."""

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.claim import ClaimNext, claim_next
from domain.calling.counts import count_tabs
from domain.calling.entries import ListEntries, list_entries
from domain.calling.hand_over import HandOver, LeftCalls, hand_over, list_left_calls
from domain.calling.tabs import Segment
from domain.kernel.errors import NotAllowed, Refused
from models import AuditEntry, CallingEntry, Customer, Role, Staff, SuppressedNumber
from models.session import raw_connection
from proofs.plans import noted
from proofs.statements import noted_on
from tests.factories import as_actor, make_customer, make_staff

ZONE = ZoneInfo("America/Chicago")
_CUSTOMERS = text("""
INSERT INTO customer (username, sales_rep_id) SELECT 'left-' || n, :rep_id FROM generate_series(1, 33000) AS n
""")
_ENTRIES = text("""
INSERT INTO calling_entry (phone, assigned_to) SELECT '+1312555' || 1000 + n, :rep_id FROM generate_series(1, 2000) AS n
""")


async def leave(db: AsyncSession) -> tuple[Staff, list[CallingEntry]]:
    """A rep who left, with two entries that may be called, one that must not be, and a closed one."""
    gone = await make_staff(db, Role.SALES_REP, full_name="Robin Ames")
    await make_customer(db, sales_rep_id=gone.id)
    entries = [
        CallingEntry(phone=f"+1216555010{place}", company_name=f"Kitchen {place}", assigned_to=gone.id, status=status)
        for place, status in enumerate(("new", "callback", "new", "closed"))
    ]
    db.add_all([*entries, SuppressedNumber(phone="+12165550102", do_not_call=True)])
    gone.is_active = False
    await db.flush()
    return gone, entries


async def test_a_manager_sees_them_as_nobodys_and_no_rep_gets_them(db: AsyncSession) -> None:
    gone, (first, second, *_) = await leave(db)
    manager, rep = as_actor(await make_staff(db, Role.MANAGER)), as_actor(await make_staff(db, Role.SALES_REP))
    query = ListEntries(segment=Segment.ALL, assignee="none")
    page = await list_entries(db, query, visible_to=manager, timezone=ZONE)
    assert {row.id for row in page.rows} == {first.id, second.id}
    assert (page.total, {row.is_left for row in page.rows}) == (2, {True})
    assert await list_left_calls(db) == [LeftCalls(gone.id or 0, "Robin Ames", 2, 1)]
    for asked in (query, ListEntries(segment=Segment.ALL)):
        assert (await list_entries(db, asked, visible_to=rep, timezone=ZONE)).total == 0
    assert (await count_tabs(db, visible_to=rep, timezone=ZONE, whose=[0, gone.id or 0]))[Segment.ALL] == 0
    assert await claim_next(db, ClaimNext(), by=rep) is None


async def test_all_of_them_go_with_the_customers(db: AsyncSession) -> None:
    gone, entries = await leave(db)
    manager, heir = as_actor(await make_staff(db, Role.MANAGER)), await make_staff(db, Role.SALES_REP)
    entries[0].claimed_by = gone.id
    done = await hand_over(db, gone.id or 0, HandOver(to_id=heir.id), by=manager)
    assert (done.entries, done.customers) == (4, 1)
    rows = (await db.execute(select(CallingEntry.assigned_to, CallingEntry.claimed_by))).all()
    assert {tuple(row) for row in rows} == {(heir.id, None)}
    assert await db.scalar(select(Customer.sales_rep_id)) == heir.id
    assert await list_left_calls(db) == []
    entry = await db.scalar(select(AuditEntry).where(AuditEntry.action == "staff.calls_handed_over"))
    assert entry is not None
    assert (entry.record_id, entry.after) == (gone.id, {"to": heir.username})


@pytest.mark.parametrize("role", [None, Role.ADMIN])
async def test_customers_are_nobodys_unless_a_rep_takes_the_calls(db: AsyncSession, role: Role | None) -> None:
    gone, _ = await leave(db)
    to = await make_staff(db, role) if role else None
    await hand_over(
        db, gone.id or 0, HandOver(to_id=to.id if to else None), by=as_actor(await make_staff(db, Role.MANAGER))
    )
    assert await db.scalar(select(Customer.sales_rep_id)) is None
    assert set(await db.scalars(select(CallingEntry.assigned_to))) == {to.id if to else None}


async def test_who_sells_keeps_their_calls_and_only_managers_give_them_away(db: AsyncSession) -> None:
    gone, _ = await leave(db)
    rep = await make_staff(db, Role.SALES_REP)
    with pytest.raises(NotAllowed):
        await hand_over(db, gone.id or 0, HandOver(to_id=rep.id), by=as_actor(rep))
    manager = as_actor(await make_staff(db, Role.MANAGER))
    with pytest.raises(Refused, match="still sells"):
        await hand_over(db, rep.id or 0, HandOver(), by=manager)


async def test_more_customers_go_along_than_a_statement_has_parameters(db: AsyncSession) -> None:
    gone, _ = await leave(db)
    manager, heir = as_actor(await make_staff(db, Role.MANAGER)), await make_staff(db, Role.SALES_REP)
    await db.execute(_CUSTOMERS, {"rep_id": gone.id})
    async with noted_on(await db.connection()) as statements:
        done = await hand_over(db, gone.id or 0, HandOver(to_id=heir.id), by=manager)
    assert (done.customers, len(statements)) == (33_001, 8)
    is_assigned = AuditEntry.action == "customer.assigned"
    assert await db.scalar(select(func.count()).where(is_assigned)) == 33_001
    one = await db.scalar(select(AuditEntry).where(is_assigned, AuditEntry.record_name == "left-33000"))
    assert one is not None
    assert (one.before, one.after) == ({"sales_rep_id": gone.id}, {"sales_rep_id": heir.id})
    assert (one.actor_id, one.actor_name) == (manager.id, manager.name)


async def test_no_entries_are_read_of_colleagues_who_have_none(db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    await make_staff(db, Role.SALES_REP, is_active=False)
    await db.execute(_ENTRIES, {"rep_id": rep.id})
    await db.execute(text("ANALYZE calling_entry"))
    async with noted(db) as sent:
        assert await list_left_calls(db) == []
    [(statement, values)] = sent
    raw = await raw_connection(db)
    plan = "\n".join(row[0] for row in await raw.fetch(f"EXPLAIN {statement}", *values))
    assert "on calling_entry" in plan
    assert "Seq Scan on calling_entry" not in plan
