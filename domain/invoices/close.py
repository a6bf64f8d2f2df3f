"""The month's close: what is not invoiced yet, not matched, on hold; its journal, and whether a recount agrees."""

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
# Each kind with its number, its sum, and the one that has waited longest.
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
    """One kind of thing that a month is not closed with, and whose has waited longest."""

    kind: str
    count: int
    amount: Decimal
    oldest: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class MonthClose:
    """A month with what is still open, its journal, and what was owed at its beginning and its end."""

    month: date
    last: date
    work: list[OpenWork]
    journal: Books
    receivables_before: Decimal
    """What the journal of all days before comes to."""
    proof: Proof | None
    """The last recount of it all; None before the first."""

    @property
    def open_work(self) -> list[OpenWork]:
        """What is still to be done."""
        return [each for each in self.work if each.count]

    @property
    def open_amount(self) -> Decimal:
        """What all of it comes to, US dollars."""
        return sum((each.amount for each in self.work), ZERO)

    @property
    def is_balanced(self) -> bool:
        """True when debits equal credits, as they always should."""
        return self.journal.debits == self.journal.credits

    @property
    def receivables(self) -> Decimal:
        """What the journal leaves at the end."""
        return self.receivables_before + self.journal.owed

    @property
    def agrees(self) -> bool:
        """True when a recount that nothing has changed since found the journal's figures, invoice by invoice."""
        return self.proof is not None and self.proof.agrees and not self.proof.is_doubted

    def moved(self, kind: str) -> Decimal:
        """What one kind of event did to receivables."""
        return self.journal.moved.get((kind, Account.RECEIVABLES), ZERO)


async def get_month_close(db: Reader, month: date, *, visible_to: Actor, timezone: tzinfo) -> MonthClose:
    """The close of the month around a day, the running one up to today."""
    require(visible_to, Right.SEE_PROFIT, "Only a manager closes a month.")
    first, last = first_of_month(month), last_of_close(month, timezone)
    begins, ends = business_range_bounds(first, last, timezone)
    work = [OpenWork(*row) for row in await db.execute(_OPEN_WORK, {"ends": ends})]
    books = await get_books(db, first, last, visible_to=visible_to, timezone=timezone)
    before = await sum_receivables(db, begins, timezone=timezone)
    proof = await find_proof(db, books, before, timezone=timezone)
    return MonthClose(first, last, work, books, before, proof)
