"""Proves a month: compares its journal with the events themselves, and receivables with the invoices one by one.

A recount reads everything. For a large company it is therefore made at night or when a manager requests it, and stored
with its time. It is no longer trusted once anything in its period changes.
"""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.journal import get_journal
from domain.invoices.journal_hours import Books, fold_journal_hours, get_books, sum_receivables
from domain.invoices.queries import Reader
from domain.invoices.taken_off import CONCERNS, IS_ALLOWANCE, TAKEN_OFF
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import add_months, business_range_bounds, business_today, first_of_month, last_of_close, now
from domain.kernel.live import Topic, announce
from models import Role
from models.session import current_database, separate_transaction
from settings import Settings

PROVE_JOB = "prove_month"
NIGHT_JOB = "prove_months"
# With at most this many invoices, the recount is made each time the page is opened.
COUNTED_AT_ONCE = 2_000


def _paid(is_its: str) -> str:
    return f"""
SELECT coalesce(sum(p.applied_amount), 0) AS after,
  coalesce(sum(p.applied_amount) FILTER (WHERE p.created_at < :begins), 0) AS before
FROM payment AS p
WHERE p.state = 'succeeded' AND p.created_at < :ends AND {is_its} AND ({IS_ALLOWANCE}) IS NOT TRUE
"""  # noqa: S608 - our own conditions.


# What was open at the beginning and at the end of a month, invoice by invoice.
_RECEIVABLES = text(f"""
SELECT count(*) FILTER (WHERE is_open_after AND after <> 0) AS invoices,
  coalesce(sum(after) FILTER (WHERE is_open_after), 0) AS after,
  coalesce(sum(before) FILTER (WHERE is_open_before), 0) AS before
FROM (
  SELECT i.sent_at < :begins AS is_open_before, i.voided_at IS NULL OR i.voided_at >= :ends AS is_open_after,
    i.total_amount - memo.after - own.after - placed.after - coalesce(off.after, 0) AS after,
    i.total_amount - memo.before - own.before - placed.before - coalesce(off.before, 0) AS before
  FROM invoice AS i
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(m.amount), 0) AS after,
      coalesce(sum(m.amount) FILTER (WHERE m.created_at < :begins), 0) AS before
    FROM credit_memo AS m WHERE m.invoice_id = i.id AND m.created_at < :ends
  ) AS memo
  CROSS JOIN LATERAL ({_paid("p.invoice_id = i.id")}) AS own
  CROSS JOIN LATERAL ({_paid("p.order_id = i.order_id")}) AS placed
  LEFT JOIN (
    SELECT i.id, sum(t.amount) AS after, coalesce(sum(t.amount) FILTER (WHERE t.created_at < :begins), 0) AS before
    FROM ({TAKEN_OFF}) AS t JOIN invoice AS i ON {CONCERNS} WHERE t.created_at < :ends GROUP BY i.id
  ) AS off ON off.id = i.id
  WHERE i.sent_at < :ends AND (i.voided_at IS NULL OR i.voided_at >= :begins)
) AS open
""")  # noqa: S608 - our own conditions.
_IS_SMALL = text("SELECT count(*) <= :most FROM (SELECT FROM invoice WHERE sent_at < :ends LIMIT :most + 1) AS few")
_FIND = text("""
SELECT checked_at, agrees, receivables_before, receivables, open_invoices, coalesce(changed_at > checked_at, false)
  OR ends_at <> :ends OR EXISTS (SELECT FROM hour_change WHERE report = 'books' AND hour < :ends) AS is_doubted,
  true AS is_kept
FROM month_proof WHERE first = :first AND isfinite(checked_at)
""")
# A row of this period exists before its recount begins, so that a fold can mark what changes meanwhile.
_BEGIN = text("""
INSERT INTO month_proof (first, ends_at, checked_at, agrees, receivables_before, receivables, open_invoices)
VALUES (:first, :ends, '-infinity', false, 0, 0, 0)
ON CONFLICT (first) DO UPDATE SET ends_at = excluded.ends_at,
  changed_at = CASE WHEN month_proof.ends_at = excluded.ends_at THEN month_proof.changed_at ELSE now() END
""")
_KEEP = text("""
UPDATE month_proof SET ends_at = :ends, checked_at = :checked_at, agrees = :agrees, receivables_before = :before,
  receivables = :after, open_invoices = :invoices
WHERE first = :first
""")
# By the database's clock, like the time of a change, and before the snapshot is taken.
_NOW = text("SELECT now()")
_IN_ONE_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
SYSTEM = Actor(ActorKind.STAFF, name="System", role=Role.MANAGER)


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of a month's recount: receivables at both ends, in US dollars, and whether the journal agreed."""

    checked_at: datetime
    agrees: bool
    receivables_before: Decimal
    receivables: Decimal
    open_invoices: int
    is_doubted: bool = False
    """True if something in its period changed since."""
    is_kept: bool = False
    """False if it was made for this request and not stored."""


async def find_proof(db: Reader, books: Books, before: Decimal, *, timezone: tzinfo) -> Proof | None:
    """Return the proof of a month's books, which begin with receivables of `before`.

    It is made now if there are few invoices; otherwise it is the stored one, or None.
    """
    begins, ends = business_range_bounds(books.first, books.last, timezone)
    if (await db.execute(_IS_SMALL, {"most": COUNTED_AT_ONCE, "ends": ends})).scalar_one():
        owed = (await db.execute(_RECEIVABLES, {"begins": begins, "ends": ends})).one()
        agrees = (before, before + books.owed) == (owed.before, owed.after)
        return Proof(now(), agrees, owed.before, owed.after, owed.invoices)
    row = (await db.execute(_FIND, {"first": books.first, "ends": ends})).one_or_none()
    return None if row is None else Proof(*row)


async def ask_for_proof(db: AsyncSession, month: date, *, by: Actor) -> None:
    """Enqueue a month's proof, to be made by the worker as soon as possible."""
    require(by, Right.SEE_PROFIT, "Only a manager closes a month.")
    first = first_of_month(month)
    await enqueue(db, PROVE_JOB, {"month": first.isoformat()}, dedupe_key=f"{PROVE_JOB}:{first}")


async def prove_month(month: date, *, settings: Settings) -> bool:
    """Recount a month in one snapshot and store the result. Returns True if everything agrees."""
    zone = settings.timezone
    first, last = first_of_month(month), last_of_close(month, zone)
    begins, ends = business_range_bounds(first, last, zone)
    async with separate_transaction() as db:
        await fold_journal_hours(db)
        await db.execute(_BEGIN, {"first": first, "ends": ends})
    async with separate_transaction() as db:
        await db.execute(_IN_ONE_SNAPSHOT)
        checked_at = await db.scalar(_NOW)
        books = await get_books(db, first, last, visible_to=SYSTEM, timezone=zone)
        before = await sum_receivables(db, begins, timezone=zone)
        journal = await get_journal(db, first, last, visible_to=SYSTEM, timezone=zone)
        owed = (await db.execute(_RECEIVABLES, {"begins": begins, "ends": ends})).one()
    agrees = (
        (before, before + books.owed) == (owed.before, owed.after)
        and books.moved == {key: moved for key, moved in journal.moved.items() if moved}
        and (books.debits, books.credits, books.postings) == (journal.debits, journal.credits, len(journal.postings))
    )
    values = {"first": first, "ends": ends, "checked_at": checked_at, "agrees": agrees}
    values |= {"before": owed.before, "after": owed.after, "invoices": owed.invoices}
    async with separate_transaction() as db:
        await db.execute(_KEEP, values)
        await announce(db, Topic.INVOICES, "close")
    return agrees


async def prove_months(*, settings: Settings) -> int:
    """Prove the current and the previous month, unless a valid proof exists. Returns how many were proved."""
    zone = settings.timezone
    proved = 0
    running = first_of_month(business_today(zone))
    for month in (add_months(running, -1), running):
        _, ends = business_range_bounds(month, last_of_close(month, zone), zone)
        async with current_database().reading() as connection:
            row = (await connection.execute(_FIND, {"first": month, "ends": ends})).one_or_none()
        if row is None or row.is_doubted:
            await prove_month(month, settings=settings)
            proved += 1
    return proved
