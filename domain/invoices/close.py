"""The month's close: what is not invoiced yet, not matched, on hold; and receivables proved against open invoices."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from sqlalchemy import text

from domain.access.rights import Right, require
from domain.invoices.journal import Account, Journal, get_journal
from domain.invoices.queries import Reader
from domain.kernel.actor import Actor
from domain.kernel.clock import add_months, business_range_bounds, business_today, first_of_month

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
# What was open at an instant, invoice by invoice.
_RECEIVABLES = text("""
SELECT count(*) FILTER (WHERE balance <> 0) AS invoices, coalesce(sum(balance), 0) AS amount
FROM (
  SELECT i.total_amount
    - coalesce((SELECT sum(m.amount) FROM credit_memo AS m WHERE m.invoice_id = i.id AND m.created_at < :at), 0)
    - coalesce((
        SELECT sum(p.applied_amount) FROM payment AS p
        WHERE p.state = 'succeeded' AND p.created_at < :at AND (p.invoice_id = i.id OR p.order_id = i.order_id)
          AND (p.given_back IS DISTINCT FROM 'allowance' OR p.given_for = 'cancelled' OR p.note ~ '^CM-[0-9]{6,}$')
      ), 0) AS balance
  FROM invoice AS i WHERE i.sent_at < :at AND (i.voided_at IS NULL OR i.voided_at >= :at)
) AS open
""")


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
    journal: Journal
    receivables_before: Decimal
    receivables: Decimal
    open_invoices: int

    @property
    def open_work(self) -> list[OpenWork]:
        """What is still to be done."""
        return [each for each in self.work if each.count]

    @property
    def open_amount(self) -> Decimal:
        """What all of it comes to, US dollars."""
        return sum((each.amount for each in self.work), Decimal("0.00"))

    @property
    def is_balanced(self) -> bool:
        """True when debits equal credits, as they always should."""
        return self.journal.debits == self.journal.credits

    @property
    def agrees(self) -> bool:
        """True when the journal leads from what was owed at the beginning to what the open invoices come to."""
        kinds = {posting.kind for posting in self.journal.postings}
        return self.receivables_before + sum(self.moved(kind) for kind in kinds) == self.receivables

    def moved(self, kind: str) -> Decimal:
        """What one kind of event did to receivables."""
        postings = [p for p in self.journal.postings if p.kind == kind and p.account is Account.RECEIVABLES]
        return sum((posting.debit - posting.credit for posting in postings), Decimal("0.00"))


async def get_month_close(db: Reader, month: date, *, visible_to: Actor, timezone: tzinfo) -> MonthClose:
    """The close of the month around a day, the running one up to today."""
    require(visible_to, Right.SEE_PROFIT, "Only a manager closes a month.")
    first = first_of_month(month)
    last = min(add_months(first, 1) - timedelta(days=1), max(business_today(timezone), first))
    begins, ends = business_range_bounds(first, last, timezone)
    work = [OpenWork(*row) for row in await db.execute(_OPEN_WORK, {"ends": ends})]
    before = await _read_receivables(db, begins)
    after = await _read_receivables(db, ends)
    return MonthClose(
        month=first,
        last=last,
        work=work,
        journal=await get_journal(db, first, last, visible_to=visible_to, timezone=timezone),
        receivables_before=before[1],
        receivables=after[1],
        open_invoices=after[0],
    )


async def _read_receivables(db: Reader, at: datetime) -> tuple[int, Decimal]:
    row = (await db.execute(_RECEIVABLES, {"at": at})).one()
    return row.invoices, row.amount
