"""Closing a month: orders not yet invoiced, unmatched payments, orders on hold; its journal, and its recount."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from sqlalchemy import text

from domain.access.rights import Right, require
from domain.invoices.journal import Account
from domain.invoices.journal_hours import Books, get_books, sum_receivables
from domain.invoices.month_proof import Proof, find_proof
from domain.invoices.queries import Reader
from domain.kernel.actor import Actor
from domain.kernel.clock import business_range_bounds, first_of_month, last_of_close
from domain.kernel.money import ZERO

_WHO = "coalesce(nullif({0}_company, ''), {0}_name)"
_ORDER = _WHO.format("o.delivery")
# Each kind with its number, its sum, and the oldest one.
_OPEN_WORK = text(f"""
SELECT 'shipped' AS kind, count(*) AS count, coalesce(sum(o.balance), 0) AS amount,
  (array_agg({_ORDER} ORDER BY o.shipped_at, o.id))[1] AS oldest, min(o.shipped_at) AS since
FROM orders AS o
WHERE o.on_terms AND o.status IN ('shipped', 'delivered') AND o.shipped_at < :ends AND o.balance > 0
  AND NOT EXISTS (SELECT FROM invoice AS i WHERE i.order_id = o.id AND i.status <> 'void')
UNION ALL
SELECT 'unmatched', count(*), coalesce(sum(o.overpaid), 0), (array_agg({_ORDER} ORDER BY o.created_at, o.id))[1],
  min(o.created_at) FROM orders AS o WHERE o.overpaid > 0 AND o.created_at < :ends
UNION ALL
SELECT 'on_hold', count(*), coalesce(sum(o.balance), 0), (array_agg({_ORDER} ORDER BY o.created_at, o.id))[1],
  min(o.created_at) FROM orders AS o WHERE o.on_hold AND o.created_at < :ends
UNION ALL
SELECT 'drafts', count(*), coalesce(sum(i.total_amount), 0),
  (array_agg({_WHO.format("i.customer")} ORDER BY i.created_at, i.id))[1], min(i.created_at)
FROM invoice AS i WHERE i.status = 'draft' AND i.created_at < :ends
UNION ALL
SELECT 'checks', count(*), coalesce(sum(c.amount), 0), (array_agg({_ORDER} ORDER BY c.created_at, c.id))[1],
  min(c.created_at)
FROM paper_check AS c JOIN orders AS o ON o.id = c.order_id WHERE c.state = 'pending_review' AND c.created_at < :ends
""")  # noqa: S608 - our own column names.


@dataclass(frozen=True, slots=True)
class OpenWork:
    """One kind of open work before a month is closed, with its number, its sum in US dollars and the oldest one."""

    kind: str
    count: int
    amount: Decimal
    oldest: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class MonthClose:
    """A month with its open work, its journal, and the receivables at its beginning and end, in US dollars."""

    month: date
    last: date
    work: list[OpenWork]
    journal: Books
    receivables_before: Decimal
    """The receivables of the journal of all days before."""
    proof: Proof | None
    """The last recount of the month; None before the first one."""

    @property
    def open_work(self) -> list[OpenWork]:
        """The kinds of work that are still open."""
        return [each for each in self.work if each.count]

    @property
    def open_amount(self) -> Decimal:
        """The sum of all open work, in US dollars."""
        return sum((each.amount for each in self.work), ZERO)

    @property
    def is_balanced(self) -> bool:
        """True if debits equal credits, as they always should."""
        return self.journal.debits == self.journal.credits

    @property
    def receivables(self) -> Decimal:
        """The receivables at the end, according to the journal."""
        return self.receivables_before + self.journal.owed

    @property
    def agrees(self) -> bool:
        """True if a recount that is still valid found the journal's figures, invoice by invoice."""
        return self.proof is not None and self.proof.agrees and not self.proof.is_doubted

    def moved(self, kind: str) -> Decimal:
        """Return how one kind of event changed receivables."""
        return self.journal.moved.get((kind, Account.RECEIVABLES), ZERO)


async def get_month_close(db: Reader, month: date, *, visible_to: Actor, timezone: tzinfo) -> MonthClose:
    """Return the close of the month that contains a day; for the current month, up to today."""
    require(visible_to, Right.SEE_PROFIT, "Only a manager closes a month.")
    first, last = first_of_month(month), last_of_close(month, timezone)
    begins, ends = business_range_bounds(first, last, timezone)
    work = [OpenWork(*row) for row in await db.execute(_OPEN_WORK, {"ends": ends})]
    books = await get_books(db, first, last, visible_to=visible_to, timezone=timezone)
    before = await sum_receivables(db, begins, timezone=timezone)
    proof = await find_proof(db, books, before, timezone=timezone)
    return MonthClose(first, last, work, books, before, proof)
