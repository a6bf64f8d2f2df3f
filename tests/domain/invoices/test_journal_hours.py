"""The kept journal against its own events: whatever happens to invoices and money, both post the same."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices import month_proof
from domain.invoices.close import get_month_close
from domain.invoices.journal import Journal, JournalBy, JournalSums, get_journal
from domain.invoices.journal_hours import Books, fold_journal_hours, get_books, sum_receivables
from domain.invoices.month_proof import ask_for_proof, prove_month, prove_months
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today, first_of_month, now, start_of_business_day
from models import HourChange, JobRun, Role
from models.session import Database
from settings import Settings
from tests.factories.picks import pick
from tests.portal.desk import open_as
from tests.portal.forms import read_page, send_form

MANAGER = Actor(ActorKind.STAFF, 1, "Ann", Role.MANAGER)
ZONE = ZoneInfo("America/Chicago")
# The day begins at a quarter past an hour of UTC.
ELSEWHERE = ZoneInfo("Asia/Kathmandu")
DAYS = 40
ONE_ORDER = pick("orders")
ONE_INVOICE = pick("invoice", which="sent_at IS NOT NULL")
FREE_ORDER = pick("orders", which="NOT EXISTS (SELECT FROM invoice WHERE order_id = orders.id AND status <> 'void')")
NEW = """
INSERT INTO orders (order_number, subtotal, delivery_fee, total_amount, created_at, updated_at)
VALUES ('BOOK-' || :salt, 20, 5, 25, :at, now())
"""
BILL = f"""
INSERT INTO invoice (status, invoice_number, customer_name, order_id, subtotal, shipping_fee, tax_amount, total_amount,
  sent_at, created_at)
SELECT 'sent', 'INV-' || :salt, 'Ann', CASE WHEN :count > 0 THEN {FREE_ORDER} END, 20, 5, :count, 25 + :count, :at, :at
"""
PAY = f"""
INSERT INTO payment (order_id, invoice_id, amount, applied_amount, method, state, created_at)
SELECT CASE WHEN w.invoice IS NULL THEN {ONE_ORDER} END, w.invoice, 10 + :count, 10, :method,
  CASE WHEN :count = 3 THEN 'pending' ELSE 'succeeded' END, :at
FROM (SELECT CASE WHEN :count = 1 THEN {ONE_INVOICE} END AS invoice) AS w WHERE EXISTS (SELECT FROM orders)
"""
GIVE_BACK = f"""
INSERT INTO payment (order_id, amount, applied_amount, method, given_back, given_for, state, created_at, note)
SELECT {ONE_ORDER}, -3, -2.5, :method, CASE WHEN :count = 1 THEN 'reversal' ELSE 'allowance' END,
  CASE :count WHEN 0 THEN 'cancelled' WHEN 1 THEN 'bounced' ELSE 'goodwill' END, 'succeeded', :at,
  CASE WHEN :count = 2 THEN 'CM-000001' ELSE '' END
WHERE EXISTS (SELECT FROM orders)
"""
CREDIT = f"""
INSERT INTO credit_memo (memo_number, invoice_id, amount, reason, created_at)
SELECT 'CM-' || :salt, {ONE_INVOICE}, 4.5, 'goodwill', :at WHERE EXISTS (SELECT FROM invoice WHERE sent_at IS NOT NULL)
"""
TAKE_OFF = f"""
INSERT INTO order_allowance (order_id, amount, given_for, created_at) SELECT {ONE_ORDER}, 1.5, 'short', :at
WHERE EXISTS (SELECT FROM orders)
"""
RETURN = f"""
INSERT INTO payment (invoice_id, amount, applied_amount, method, given_back, given_for, state, created_at)
SELECT {ONE_INVOICE}, -2, -2, :method, 'allowance', CASE WHEN :count = 0 THEN 'cancelled' ELSE 'goodwill' END,
  'succeeded', :at WHERE EXISTS (SELECT FROM invoice WHERE sent_at IS NOT NULL)
"""
CHANGES = (
    f"UPDATE invoice SET status = 'void', voided_at = sent_at + interval '50 min' * :count WHERE id = {ONE_INVOICE}",
    f"UPDATE invoice SET shipping_fee = 7, total_amount = subtotal + 7 + tax_amount WHERE id = {ONE_INVOICE}",
    f"UPDATE invoice SET notes = 'Thanks', amount_paid = 1 WHERE id = {ONE_INVOICE}",
    f"UPDATE invoice SET sent_at = :at WHERE id = {ONE_INVOICE} AND voided_at IS NULL",
    "UPDATE payment SET state = 'succeeded', applied_amount = amount WHERE id = (SELECT max(id) FROM payment)",
    "UPDATE payment SET created_at = :at, method = :method WHERE id = (SELECT min(id) FROM payment)",
    "DELETE FROM payment WHERE id = (SELECT max(id) FROM payment)",
    "DELETE FROM order_allowance WHERE id = (SELECT min(id) FROM order_allowance)",
    "UPDATE order_allowance SET created_at = :at WHERE id = (SELECT max(id) FROM order_allowance)",
    "DELETE FROM credit_memo WHERE id = (SELECT min(id) FROM credit_memo)",
)


async def change_at_random(db: AsyncSession, dice: random.Random) -> None:
    """One thing that happens to invoices or money, chosen by the dice."""
    values = {
        "at": datetime.now(UTC) - timedelta(minutes=dice.randrange(60 * 24 * DAYS)),
        "count": dice.randrange(4),
        "method": dice.choice(("cash", "check", "ach", "credit_card", "store_credit", "net30")),
        "salt": f"{dice.randrange(10**9):09}",
    }
    statement = dice.choice((NEW, NEW, BILL, BILL, PAY, PAY, PAY, GIVE_BACK, CREDIT, TAKE_OFF, RETURN, *CHANGES))
    await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


def add_up(journal: Journal, by: JournalBy) -> list[JournalSums]:
    """The plain sums; entries are counted for kinds and days alone."""
    sums = journal.sum_up(by)
    return [JournalSums(one.group, 0, one.accounts) for one in sums] if by is JournalBy.ACCOUNT else sums


async def compare(db: AsyncSession) -> None:
    """The kept journal of all days against the plain one."""
    for zone in (ZONE, ELSEWHERE):
        last = business_today(zone)
        first = last - timedelta(days=DAYS + 1)
        journal = await get_journal(db, first, last, visible_to=MANAGER, timezone=zone)
        books: Books = await get_books(db, first, last, visible_to=MANAGER, timezone=zone)
        assert (books.debits, books.credits, books.postings) == (
            journal.debits,
            journal.credits,
            len(journal.postings),
        )
        assert books.moved == {key: moved for key, moved in journal.moved.items() if moved}
        for by in JournalBy:
            assert books.sum_up(by) == add_up(journal, by), by
        ends = start_of_business_day(last + timedelta(days=1), zone)
        assert await sum_receivables(db, ends, timezone=zone) == books.owed


@pytest.mark.parametrize("seed", range(4))
async def test_the_journal_is_that_of_its_events_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(70):
        await change_at_random(db, dice)
        if dice.random() < 0.12:
            await fold_journal_hours(db)
        if dice.random() < 0.2:
            await compare(db)
    await fold_journal_hours(db)
    assert await db.scalar(select(func.count()).select_from(HourChange).where(HourChange.report == "books")) == 0
    await compare(db)


async def bill(db: AsyncSession, at: datetime, number: str) -> None:
    await db.execute(text(NEW), {"salt": number, "at": at})
    await db.execute(text(BILL), {"salt": number, "at": at, "count": 2})


async def test_a_large_company_is_proved_by_the_worker_and_doubted_once_anything_changes(
    committed: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(month_proof, "COUNTED_AT_ONCE", 0)
    month = first_of_month(business_today(ZONE))

    async def look() -> tuple[Decimal, bool, bool | None]:
        async with committed.reading() as connection:
            close = await get_month_close(connection, month, visible_to=MANAGER, timezone=ZONE)
        return close.receivables, close.agrees, None if close.proof is None else close.proof.is_doubted

    async with committed.separate_transaction() as db:
        await bill(db, now(), "000001")
    assert await look() == (Decimal(27), False, None)
    assert await prove_month(month, settings=settings)
    assert await look() == (Decimal(27), True, False)
    assert await prove_months(settings=settings) == 1  # the month before has no proof yet
    assert await prove_months(settings=settings) == 0
    async with committed.separate_transaction() as db:
        await bill(db, now(), "000002")
    assert await look() == (Decimal(54), False, True)
    async with committed.separate_transaction() as db:
        await fold_journal_hours(db)
    assert await look() == (Decimal(54), False, True)
    assert await prove_months(settings=settings) == 1
    assert await look() == (Decimal(54), True, False)
    # What nothing heard of is found by the recount.
    async with committed.separate_transaction() as db:
        await db.execute(text("UPDATE journal_hour SET debit = debit + 1 WHERE debit > 0"))
    assert not await prove_month(month, settings=settings)
    assert await look() == (Decimal(55), False, False)


# Each is found by one of the three comparisons alone: the month before, the accounts, and the sums of both sides.
_WRONG = {
    "what was owed before": """
    INSERT INTO journal_hour (hour, kind, account, entries, postings, debit, credit)
    SELECT hour - interval '40 days', kind, account, 0, 1, 1, 0 FROM journal_hour WHERE account LIKE '1200%'
    """,
    "two accounts": """
    UPDATE journal_hour SET account = CASE WHEN account LIKE '40%' THEN '4100 Delivery' ELSE '4000 Sales' END
    WHERE account LIKE '40%' OR account LIKE '41%'
    """,
    "both sides": "UPDATE journal_hour SET debit = debit + 1, credit = credit + 1 WHERE account LIKE '40%'",
}


@pytest.mark.parametrize("wrong", _WRONG)
async def test_a_kept_sum_that_is_wrong_is_found_wherever_it_is(
    committed: Database, settings: Settings, wrong: str
) -> None:
    month = first_of_month(business_today(ZONE))
    async with committed.separate_transaction() as db:
        await bill(db, now(), "000001")
    assert await prove_month(month, settings=settings)
    async with committed.separate_transaction() as db:
        await db.execute(text(_WRONG[wrong]))
    assert not await prove_month(month, settings=settings)


async def find_stored(database: Database, month: date) -> bool | None:
    """Whether the stored proof of a month is doubted; None without one."""
    async with database.reading() as connection:
        close = await get_month_close(connection, month, visible_to=MANAGER, timezone=ZONE)
    return None if close.proof is None else close.proof.is_doubted


async def test_a_change_of_an_earlier_month_doubts_every_proof_after_it(
    committed: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(month_proof, "COUNTED_AT_ONCE", 0)
    running = first_of_month(business_today(ZONE))
    earlier = first_of_month(running - timedelta(days=1))
    assert await prove_months(settings=settings) == 2
    async with committed.separate_transaction() as db:
        await bill(db, start_of_business_day(running, ZONE) - timedelta(hours=2), "000001")
        await bill(db, now(), "000002")
        await fold_journal_hours(db)
    assert [await find_stored(committed, month) for month in (earlier, running)] == [True, True]
    assert await prove_months(settings=settings) == 2
    async with committed.separate_transaction() as db:
        await bill(db, now(), "000003")
        await fold_journal_hours(db)
    assert [await find_stored(committed, month) for month in (earlier, running)] == [False, True]
    # A proof up to yesterday says nothing of today.
    assert await prove_months(settings=settings) == 1
    async with committed.separate_transaction() as db:
        await db.execute(text("UPDATE month_proof SET ends_at = ends_at - interval '1 day'"))
    assert await find_stored(committed, running)


async def test_what_changes_during_a_recount_doubts_its_proof(
    committed: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(month_proof, "COUNTED_AT_ONCE", -1)
    month = first_of_month(business_today(ZONE))
    numbers = iter(("000001", "000002"))
    stored: list[bool | None] = []

    async def bill_meanwhile(*args: object, **kwargs: object) -> Journal:
        stored.append(await find_stored(committed, month))
        async with committed.session() as db:
            await bill(db, now(), next(numbers))
            await fold_journal_hours(db)
            await db.commit()
        return await get_journal(*args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(month_proof, "get_journal", bill_meanwhile)
        for _ in range(2):
            # It agrees, about what it saw; there is no stored proof before the first one is made.
            assert await prove_month(month, settings=settings)
            assert await find_stored(committed, month)
    assert stored == [None, True]
    assert await prove_month(month, settings=settings)
    assert await find_stored(committed, month) is False


async def test_a_manager_has_a_month_counted_again(
    client: TestClientProtocol, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(month_proof, "COUNTED_AT_ONCE", -1)
    await open_as(client, db, Role.MANAGER)
    month = date(2026, 10, 1)
    page = await read_page(client, f"/portal/invoices/close?of={month}")
    assert ("Not counted yet" in page, "Agrees" in page) == (True, False)
    where = f"/portal/invoices/close/proof?of={month}"
    status, _, goes_to = await send_form(client, f"/portal/invoices/close?of={month}", where)
    assert (status, goes_to) == (303, f"/portal/invoices/close?of={month}")
    await ask_for_proof(db, month, by=MANAGER)
    jobs = select(func.count()).select_from(JobRun).where(JobRun.name == "prove_month")
    assert await db.scalar(jobs) == 1
    for agrees, changed, words in (
        (True, None, "The same as 3 open invoices on that day"),
        (True, now() + timedelta(hours=1), "Changed since"),
        (False, None, "3 open invoices came to $7.00 and, before, to $5.00"),
    ):
        await db.execute(text("DELETE FROM month_proof"))
        values = {
            "first": month,
            "agrees": agrees,
            "changed": changed,
            "ends": start_of_business_day(date(2026, 11, 1), ZONE),
        }
        await db.execute(
            text("INSERT INTO month_proof VALUES (:first, :ends, now(), :changed, :agrees, 5, 7, 3)"), values
        )
        await db.commit()
        assert words in await read_page(client, f"/portal/invoices/close?of={month}")
    await open_as(client, db, Role.STAFF)
    assert (await send_form(client, "/portal", where))[0] == 403
