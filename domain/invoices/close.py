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
# What was open at the beginning and at the end of a month, invoice by invoice.
_PAID = """
SELECT coalesce(sum(p.applied_amount), 0) AS after,
  coalesce(sum(p.applied_amount) FILTER (WHERE p.created_at < :begins), 0) AS before
FROM payment AS p
WHERE p.state = 'succeeded' AND p.created_at < :ends AND {is_its}
  AND (p.given_back IS DISTINCT FROM 'allowance' OR p.given_for = 'cancelled' OR p.note ~ '^CM-[0-9]{{6,}}$')
"""
_RECEIVABLES = text(f"""
SELECT count(*) FILTER (WHERE is_open_after AND after <> 0) AS invoices,
  coalesce(sum(after) FILTER (WHERE is_open_after), 0) AS after,
  coalesce(sum(before) FILTER (WHERE is_open_before), 0) AS before
FROM (
  SELECT i.sent_at < :begins AS is_open_before, i.voided_at IS NULL OR i.voided_at >= :ends AS is_open_after,
    i.total_amount - memo.after - own.after - placed.after AS after,
    i.total_amount - memo.before - own.before - placed.before AS before
  FROM invoice AS i
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(m.amount), 0) AS after,
      coalesce(sum(m.amount) FILTER (WHERE m.created_at < :begins), 0) AS before
    FROM credit_memo AS m WHERE m.invoice_id = i.id AND m.created_at < :ends
  ) AS memo
  CROSS JOIN LATERAL ({_PAID.format(is_its="p.invoice_id = i.id")}) AS own
  CROSS JOIN LATERAL (
    {_PAID.format(is_its="p.order_id = i.order_id AND p.invoice_id IS DISTINCT FROM i.id")}
  ) AS placed
  WHERE i.sent_at < :ends AND (i.voided_at IS NULL OR i.voided_at >= :begins)
) AS open
""")  # noqa: S608 - our own conditions.


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
        return sum((each.amount for each in self.work), ZERO)

    @property
    def is_balanced(self) -> bool:
        """True when debits equal credits, as they always should."""
        return self.journal.debits == self.journal.credits

    @property
    def agrees(self) -> bool:
        """True when the journal leads from what was owed at the beginning to what the open invoices come to."""
        kinds = {kind for kind, _ in self.journal.moved}
        return self.receivables_before + sum(self.moved(kind) for kind in kinds) == self.receivables

    def moved(self, kind: str) -> Decimal:
        """What one kind of event did to receivables."""
        return self.journal.moved.get((kind, Account.RECEIVABLES), ZERO)


async def get_month_close(db: Reader, month: date, *, visible_to: Actor, timezone: tzinfo) -> MonthClose:
    """The close of the month around a day, the running one up to today."""
    require(visible_to, Right.SEE_PROFIT, "Only a manager closes a month.")
    first = first_of_month(month)
    last = min(add_months(first, 1) - timedelta(days=1), max(business_today(timezone), first))
    begins, ends = business_range_bounds(first, last, timezone)
    work = [OpenWork(*row) for row in await db.execute(_OPEN_WORK, {"ends": ends})]
    owed = (await db.execute(_RECEIVABLES, {"begins": begins, "ends": ends})).one()
    return MonthClose(
        month=first,
        last=last,
        work=work,
        journal=await get_journal(db, first, last, visible_to=visible_to, timezone=timezone),
        receivables_before=owed.before,
        receivables=owed.after,
        open_invoices=owed.invoices,
    )
