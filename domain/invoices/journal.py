"""The journal of a period for an accounting program: double entry, debits equal credits in every entry.

An invoice debits receivables and credits sales, delivery and tax. A payment debits money and credits receivables. A
credit memo or a short pick debits returns and credits receivables. What becomes store credit moves from receivables to
what is owed to customers.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import text

from domain.access.rights import Right, require
from domain.invoices.queries import Reader
from domain.invoices.taken_off import CONCERNS, IS_ALLOWANCE, TAKEN_OFF
from domain.kernel.actor import Actor
from domain.kernel.clock import business_date, business_range_bounds
from domain.kernel.money import ZERO
from domain.kernel.spreadsheets import write_csv
from domain.kernel.turns import in_turns


class Account(StrEnum):
    """The accounts, with numbers as accounting programs use them."""

    CASH = "1000 Cash and checks"
    BANK = "1010 Bank transfers"
    CARDS = "1020 Card clearing"
    RECEIVABLES = "1200 Receivables"
    TAX = "2200 Sales tax to pay"
    STORE_CREDIT = "2300 Store credit owed"
    DEPOSITS = "2400 Paid on orders not invoiced"
    SALES = "4000 Sales"
    DELIVERY = "4100 Delivery"
    RETURNS = "4900 Returns and allowances"


_MONEY = {"cash": Account.CASH, "check": Account.CASH, "net30": Account.CASH, "ach": Account.BANK,
          "credit_card": Account.CARDS, "store_credit": Account.STORE_CREDIT}  # fmt: skip

# One row per event. Money for an order without an invoice waits on its own account and moves to receivables with the
# invoice. Voiding moves it back, also what was paid on an invoice without an order, until it is given back.
_EVENTS = text(f"""
WITH paid AS (
  SELECT p.id, p.created_at, p.order_id, p.invoice_id, p.method, p.amount, p.applied_amount,
    coalesce({IS_ALLOWANCE}, false) AS is_allowance
  FROM payment AS p WHERE p.state = 'succeeded'
),
billed AS (SELECT * FROM invoice WHERE sent_at < :ends AND (voided_at IS NULL OR voided_at >= :begins)),
off AS ({TAKEN_OFF})
SELECT sent_at AS at, 'invoice' AS kind, invoice_number AS name, coalesce(nullif(customer_company, ''), customer_name)
  AS payer, '' AS method, total_amount AS amount, total_amount - shipping_fee - tax_amount AS goods,
  shipping_fee AS delivery, tax_amount AS tax, 0.00 AS rest
FROM billed WHERE sent_at >= :begins
UNION ALL
SELECT voided_at, 'void', invoice_number, coalesce(nullif(customer_company, ''), customer_name), '', -total_amount,
  shipping_fee + tax_amount - total_amount, -shipping_fee, -tax_amount,
  (SELECT coalesce(sum(m.amount), 0) FROM credit_memo AS m WHERE m.invoice_id = i.id)
  + (SELECT coalesce(sum(t.amount), 0) FROM off AS t WHERE {CONCERNS} AND t.created_at < i.voided_at)
  - (SELECT coalesce(sum(p.applied_amount), 0) FROM payment AS p
    WHERE p.invoice_id = i.id AND {IS_ALLOWANCE} AND p.created_at < i.voided_at)
FROM billed AS i WHERE voided_at >= :begins AND voided_at < :ends
UNION ALL
SELECT m.created_at, 'credit', m.memo_number, coalesce(nullif(i.customer_company, ''), i.customer_name), m.reason,
  m.amount, 0, 0, 0, 0
FROM credit_memo AS m JOIN invoice AS i ON i.id = m.invoice_id WHERE m.created_at >= :begins AND m.created_at < :ends
UNION ALL
SELECT p.created_at, CASE WHEN p.amount > 0 THEN 'payment' ELSE 'refund' END,
  coalesce(i.invoice_number, o.order_number),
  coalesce(nullif(i.customer_company, ''), i.customer_name, nullif(o.delivery_company, ''), o.delivery_name), p.method,
  p.amount, p.applied_amount, p.amount - p.applied_amount, 0,
  CASE WHEN i.voided_at <= p.created_at OR p.invoice_id IS NULL AND NOT EXISTS (
    SELECT FROM invoice AS b WHERE b.order_id = p.order_id AND b.sent_at <= p.created_at
      AND (b.voided_at IS NULL OR b.voided_at > p.created_at)
  ) THEN 1 ELSE 0 END
FROM paid AS p LEFT JOIN invoice AS i ON i.id = p.invoice_id LEFT JOIN orders AS o ON o.id = p.order_id
WHERE p.created_at >= :begins AND p.created_at < :ends
UNION ALL
SELECT p.created_at, 'allowance', coalesce(i.invoice_number, o.order_number),
  coalesce(i.customer_name, o.delivery_name), '', -p.applied_amount, 0, 0, 0,
  CASE WHEN p.invoice_id IS NULL AND NOT EXISTS (
    SELECT FROM invoice AS b WHERE b.order_id = p.order_id AND b.sent_at <= p.created_at
      AND (b.voided_at IS NULL OR b.voided_at > p.created_at)
  ) THEN 1 ELSE 0 END
FROM paid AS p LEFT JOIN invoice AS i ON i.id = p.invoice_id LEFT JOIN orders AS o ON o.id = p.order_id
WHERE p.is_allowance AND p.applied_amount <> 0 AND p.created_at >= :begins AND p.created_at < :ends
UNION ALL
SELECT a.created_at, 'allowance', i.invoice_number, coalesce(nullif(i.customer_company, ''), i.customer_name), '',
  a.amount, 0, 0, 0, 0
FROM order_allowance AS a JOIN invoice AS i ON i.order_id = a.order_id AND i.sent_at <= a.created_at
  AND (i.voided_at IS NULL OR i.voided_at > a.created_at)
WHERE a.created_at >= :begins AND a.created_at < :ends
UNION ALL
SELECT i.sent_at, 'allowance', i.invoice_number, coalesce(nullif(i.customer_company, ''), i.customer_name), '',
  sum(t.amount), 0, 0, 0, 0
FROM billed AS i JOIN off AS t ON {CONCERNS} AND t.created_at < i.sent_at
WHERE i.sent_at >= :begins GROUP BY i.id, i.sent_at, i.invoice_number, i.customer_company, i.customer_name
UNION ALL
SELECT i.sent_at, 'matched', i.invoice_number, coalesce(nullif(i.customer_company, ''), i.customer_name), '',
  sum(p.applied_amount), 0, 0, 0, 0
FROM billed AS i JOIN paid AS p ON p.order_id = i.order_id AND p.created_at < i.sent_at AND NOT p.is_allowance
WHERE i.sent_at >= :begins GROUP BY i.id, i.sent_at, i.invoice_number, i.customer_company, i.customer_name
UNION ALL
SELECT i.voided_at, 'unmatched', i.invoice_number, coalesce(nullif(i.customer_company, ''), i.customer_name), '',
  -sum(p.applied_amount), 0, 0, 0, 0
FROM billed AS i JOIN paid AS p ON p.order_id = i.order_id AND p.created_at < i.voided_at AND NOT p.is_allowance
WHERE i.voided_at >= :begins AND i.voided_at < :ends
GROUP BY i.id, i.voided_at, i.invoice_number, i.customer_company, i.customer_name
UNION ALL
SELECT i.voided_at, 'unmatched', i.invoice_number, coalesce(nullif(i.customer_company, ''), i.customer_name), '',
  -sum(p.applied_amount), 0, 0, 0, 0
FROM billed AS i JOIN paid AS p ON p.invoice_id = i.id AND p.created_at < i.voided_at
WHERE i.voided_at >= :begins AND i.voided_at < :ends
GROUP BY i.id, i.voided_at, i.invoice_number, i.customer_company, i.customer_name
ORDER BY at, kind, name
""")  # noqa: S608 - our own tables.


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry; either debit or credit is 0."""

    at: datetime
    on: date
    kind: str
    name: str
    payer: str
    account: Account
    debit: Decimal
    credit: Decimal

    def get_group(self, by: "JournalBy") -> str | date:
        """Return the kind, the day or the account by which it is grouped."""
        match by:
            case JournalBy.KIND:
                return self.kind
            case JournalBy.DAY:
                return self.on
            case JournalBy.ACCOUNT:
                return self.account.value


class JournalBy(StrEnum):
    """The ways to group the journal."""

    KIND = "kind"
    ACCOUNT = "account"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class JournalSums:
    """One kind, account or day: the number of its entries, and the debits and credits of each account."""

    group: str | date
    entries: int
    accounts: list[tuple[Account, Decimal, Decimal]]


@dataclass(slots=True)
class Journal:
    """The postings of a period, in the order of their days. Amounts are in US dollars."""

    first: date
    last: date
    postings: list[Posting] = field(default_factory=list)
    moved: dict[tuple[str, Account], Decimal] = field(default_factory=dict)
    """How each kind of event changed each account: debits less credits."""
    debits: Decimal = ZERO
    credits: Decimal = ZERO
    """Equal to the debits."""

    def add(self, event: Any, on: date, account: Account, debit: Decimal) -> None:
        """Add one line of an event; a credit is a negative debit."""
        debits, credits_ = (debit, ZERO) if debit > ZERO else (ZERO, -debit)
        self.postings.append(Posting(event.at, on, event.kind, event.name, event.payer, account, debits, credits_))
        self.moved[event.kind, account] = self.moved.get((event.kind, account), ZERO) + debit
        self.debits += debits
        self.credits += credits_

    def sum_up(self, by: "JournalBy") -> list[JournalSums]:
        """Return the sums by account of each kind or day, or of each account alone."""
        sums: dict[str | date, dict[Account, list[Decimal]]] = {}
        entries: dict[str | date, set[tuple[datetime, str, str]]] = {}
        for posting in self.postings:
            group = posting.get_group(by)
            found = sums.setdefault(group, {}).setdefault(posting.account, [ZERO, ZERO])
            found[0] += posting.debit
            found[1] += posting.credit
            entries.setdefault(group, set()).add((posting.at, posting.kind, posting.name))
        return [
            JournalSums(
                group,
                len(entries[group]),
                [(account, found[0], found[1]) for account, found in sorted(accounts.items())],
            )
            for group, accounts in sorted(sums.items())
        ]


async def get_journal(db: Reader, first: date, last: date, *, visible_to: Actor, timezone: tzinfo) -> Journal:
    """Return the journal of these days, in one statement."""
    require(visible_to, Right.SEE_PROFIT, "Only a manager sees the books.")
    begins, ends = business_range_bounds(first, last, timezone)
    journal = Journal(first, last)
    async for events in in_turns((await db.execute(_EVENTS, {"begins": begins, "ends": ends})).all()):
        for row in events:
            on = business_date(row.at, timezone)
            for account, debit in _post(row):
                if debit != ZERO:
                    journal.add(row, on, account, debit)
    return journal


def _post(row: Any) -> list[tuple[Account, Decimal]]:
    """Return the postings of one event as account and debit. A credit is a negative debit, and their sum is 0."""
    match row.kind:
        case "invoice" | "void":
            return [
                (Account.RECEIVABLES, row.amount + row.rest),
                (Account.SALES, -row.goods),
                (Account.DELIVERY, -row.delivery),
                (Account.TAX, -row.tax),
                (Account.RETURNS, -row.rest),
            ]
        case "credit":
            return [(Account.RETURNS, row.amount), (Account.RECEIVABLES, -row.amount)]
        case "allowance":
            return [(Account.RETURNS, row.amount), (Account.DEPOSITS if row.rest else Account.RECEIVABLES, -row.amount)]
        case "matched" | "unmatched":
            return [(Account.DEPOSITS, row.amount), (Account.RECEIVABLES, -row.amount)]
    # For a payment or money given back, the applied part changes receivables; the rest is owed to the customer.
    claim = Account.DEPOSITS if row.rest else Account.RECEIVABLES
    return [(_MONEY[row.method], row.amount), (claim, -row.goods), (Account.STORE_CREDIT, -row.delivery)]


def write_journal(journal: Journal) -> bytes:
    """Return the journal as CSV, with the totals of each day and of the whole in the last line."""
    rows: list[list[str]] = []
    day: date | None = None
    debits = credits_ = ZERO
    for posting in journal.postings:
        if day is not None and posting.on != day:
            rows.append([day.isoformat(), "day total", "", "", "", str(debits), str(credits_)])
            debits = credits_ = ZERO
        day = posting.on
        debits += posting.debit
        credits_ += posting.credit
        rows.append(
            [
                posting.on.isoformat(),
                posting.kind,
                posting.name,
                posting.payer,
                posting.account.value,
                str(posting.debit),
                str(posting.credit),
            ]
        )
    if day is not None:
        rows.append([day.isoformat(), "day total", "", "", "", str(debits), str(credits_)])
    rows.append([journal.last.isoformat(), "total", "", "", "", str(journal.debits), str(journal.credits)])
    return b"".join(write_csv(["date", "kind", "number", "name", "account", "debit", "credit"], rows))
