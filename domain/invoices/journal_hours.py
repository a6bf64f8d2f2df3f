"""The journal's sums by day, kind and account, from stored hours and those that changed since they were counted.

An hour is counted by the same rules as in `journal.py`; tests compare the two, and the month's close is proved with the
events themselves.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.journal import Account, JournalBy, JournalSums
from domain.invoices.queries import Reader
from domain.invoices.taken_off import CONCERNS, IS_ALLOWANCE, TAKEN_OFF
from domain.kernel.actor import Actor
from domain.kernel.clock import business_range_bounds, start_of_business_day
from domain.kernel.hours import HOUR, changed_between, count_for_good, find_cut_hours, take_notes
from domain.kernel.money import ZERO
from domain.orders.allowances import is_allowance

FOLD_JOB = "count_journal_hours"
_WITHIN = "{0} >= h.hour AND {0} < h.hour + interval '1 hour'"
_ALLOWED = f"coalesce({is_allowance('payment')}, false)"
# The money of the invoice's order that was received before a moment.
_BEFORE = f"""
CROSS JOIN LATERAL (
  SELECT sum(applied_amount) AS amount FROM payment
  WHERE order_id = i.order_id AND created_at < i.at AND state = 'succeeded' AND NOT {_ALLOWED}
  HAVING count(*) > 0
) AS p"""  # noqa: S608 - constants of ours
# One row per event of the hours in `changed`; LATERAL, so that only the rows of these hours are read. `owner`
# identifies the record that the event is about.
_EVENTS = f"""
SELECT i.sent_at AS at, 'invoice' AS kind, 'i' || i.id AS owner, '' AS method, total_amount AS amount,
  total_amount - shipping_fee - tax_amount AS goods, shipping_fee AS delivery, tax_amount AS tax, 0.00 AS rest
FROM changed AS h CROSS JOIN LATERAL (SELECT * FROM invoice WHERE {_WITHIN.format("sent_at")} OFFSET 0) AS i
UNION ALL
SELECT i.voided_at, 'void', 'i' || i.id, '', -total_amount, shipping_fee + tax_amount - total_amount, -shipping_fee,
  -tax_amount, (SELECT coalesce(sum(m.amount), 0) FROM credit_memo AS m WHERE m.invoice_id = i.id)
  + (SELECT coalesce(sum(t.amount), 0) FROM ({TAKEN_OFF}) AS t WHERE {CONCERNS} AND t.created_at < i.voided_at)
  - (SELECT coalesce(sum(p.applied_amount), 0) FROM payment AS p
    WHERE p.invoice_id = i.id AND {IS_ALLOWANCE} AND p.created_at < i.voided_at)
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT * FROM invoice WHERE {_WITHIN.format("voided_at")} AND sent_at IS NOT NULL OFFSET 0
) AS i
UNION ALL
SELECT m.created_at, 'credit', 'm' || m.id, '', m.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (SELECT * FROM credit_memo WHERE {_WITHIN.format("created_at")} OFFSET 0) AS m
UNION ALL
SELECT p.created_at, v.kind, p.owner, v.method, v.amount, v.goods, v.delivery, 0,
  CASE WHEN p.invoice_id IS NULL AND NOT EXISTS (
    SELECT FROM invoice AS b WHERE b.order_id = p.order_id AND b.sent_at <= p.created_at
      AND (b.voided_at IS NULL OR b.voided_at > p.created_at)
  ) OR v.kind <> 'allowance' AND EXISTS (
    SELECT FROM invoice AS b WHERE b.id = p.invoice_id AND b.voided_at <= p.created_at
  ) THEN 1 ELSE 0 END
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT *, coalesce('i' || invoice_id, 'o' || order_id) AS owner, {_ALLOWED} AS is_allowance
  FROM payment WHERE {_WITHIN.format("created_at")} AND state = 'succeeded' OFFSET 0
) AS p
CROSS JOIN LATERAL (
  VALUES (CASE WHEN amount > 0 THEN 'payment' ELSE 'refund' END, method, amount, applied_amount,
      amount - applied_amount),
    (CASE WHEN is_allowance THEN 'allowance' END, '', -applied_amount, 0, 0)
) AS v(kind, method, amount, goods, delivery)
WHERE v.kind IS NOT NULL
UNION ALL
SELECT a.created_at, 'allowance', 'i' || i.id, '', a.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (SELECT * FROM order_allowance WHERE {_WITHIN.format("created_at")} OFFSET 0) AS a
JOIN invoice AS i ON i.order_id = a.order_id AND i.sent_at <= a.created_at
  AND (i.voided_at IS NULL OR i.voided_at > a.created_at)
UNION ALL
SELECT i.sent_at, 'allowance', 'i' || i.id, '', t.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id, order_id, sent_at FROM invoice WHERE {_WITHIN.format("sent_at")} OFFSET 0
) AS i
CROSS JOIN LATERAL (
  SELECT sum(t.amount) AS amount FROM ({TAKEN_OFF}) AS t WHERE {CONCERNS} AND t.created_at < i.sent_at
  HAVING count(*) > 0
) AS t
UNION ALL
SELECT i.at, 'matched', 'i' || i.id, '', p.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id, order_id, sent_at AS at FROM invoice WHERE {_WITHIN.format("sent_at")} OFFSET 0
) AS i{_BEFORE}
UNION ALL
SELECT i.at, 'unmatched', 'i' || i.id, '', -p.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id, order_id, voided_at AS at FROM invoice
  WHERE {_WITHIN.format("voided_at")} AND sent_at IS NOT NULL OFFSET 0
) AS i{_BEFORE}
UNION ALL
SELECT i.voided_at, 'unmatched', 'i' || i.id, '', -p.amount, 0, 0, 0, 0
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT id, voided_at FROM invoice WHERE {_WITHIN.format("voided_at")} AND sent_at IS NOT NULL OFFSET 0
) AS i
CROSS JOIN LATERAL (
  SELECT sum(applied_amount) AS amount FROM payment
  WHERE invoice_id = i.id AND created_at < i.voided_at AND state = 'succeeded' HAVING count(*) > 0
) AS p
"""  # noqa: S608 - constants of ours
_CLAIM = f"CASE WHEN rest <> 0 THEN '{Account.DEPOSITS}' ELSE '{Account.RECEIVABLES}' END"
_IS_BILL, _IS_MATCH = "kind IN ('invoice', 'void')", "kind IN ('matched', 'unmatched')"
_IS_MONEY, _IS_CREDIT, _IS_ALLOWANCE = "kind IN ('payment', 'refund')", "kind = 'credit'", "kind = 'allowance'"
_MONEY = f"""CASE WHEN method IN ('cash', 'check', 'net30') THEN '{Account.CASH}'
      WHEN method = 'ach' THEN '{Account.BANK}' WHEN method = 'credit_card' THEN '{Account.CARDS}'
      ELSE '{Account.STORE_CREDIT}' END"""
# The postings of each event. A credit is a negative debit, and the postings of an event add up to 0.
_POSTED = f"""
SELECT e.at, e.kind, e.owner, p.account, p.debit
FROM ({_EVENTS}) AS e
CROSS JOIN LATERAL (
  VALUES ({_IS_BILL}, '{Account.RECEIVABLES}', amount + rest), ({_IS_BILL}, '{Account.SALES}', -goods),
    ({_IS_BILL}, '{Account.DELIVERY}', -delivery), ({_IS_BILL}, '{Account.TAX}', -tax),
    ({_IS_BILL}, '{Account.RETURNS}', -rest),
    ({_IS_CREDIT}, '{Account.RETURNS}', amount), ({_IS_CREDIT}, '{Account.RECEIVABLES}', -amount),
    ({_IS_ALLOWANCE}, '{Account.RETURNS}', amount), ({_IS_ALLOWANCE}, {_CLAIM}, -amount),
    ({_IS_MATCH}, '{Account.DEPOSITS}', amount), ({_IS_MATCH}, '{Account.RECEIVABLES}', -amount),
    ({_IS_MONEY}, {_MONEY}, amount), ({_IS_MONEY}, {_CLAIM}, -goods), ({_IS_MONEY}, '{Account.STORE_CREDIT}', -delivery)
) AS p(counts, account, debit)
WHERE p.counts AND p.debit <> 0
"""  # noqa: S608 - constants of ours
# The sums of each bucket of moments. The number of entries is in rows without an account, since each entry has several
# accounts.
_SUM_UP = """
SELECT {bucket} AS at, kind, account, 0 AS entries, count(*) AS postings, sum(greatest(debit, 0)) AS debit,
  sum(greatest(-debit, 0)) AS credit
FROM posted GROUP BY 1, kind, account
UNION ALL SELECT {bucket}, kind, '', count(DISTINCT (at, owner)), 0, 0, 0 FROM posted GROUP BY 1, kind
"""
_COLUMNS = "kind, account, entries, postings, debit, credit"
# The stored and the recounted sums between two moments, each row with a moment of its day.
_BOOKS = f"""{changed_between("begins", "ends", "books")},
posted AS MATERIALIZED (
  SELECT * FROM ({_POSTED}) AS each WHERE at >= CAST(:begins AS timestamptz) AND at < CAST(:ends AS timestamptz)
),
books AS (
  SELECT hour AS at, {_COLUMNS} FROM journal_hour
  WHERE hour >= CAST(:begins AS timestamptz) AND hour < CAST(:ends AS timestamptz)
    AND hour NOT IN (SELECT hour FROM changed)
  UNION ALL {_SUM_UP.format(bucket="date_trunc('day', at, :zone)")}
)"""  # noqa: S608 - constants of ours
_BY_DAY = text(f"""
WITH {_BOOKS}
SELECT (at AT TIME ZONE :zone)::date AS day, kind, account, sum(entries)::int AS entries,
  sum(postings)::int AS postings, sum(debit) AS debit, sum(credit) AS credit
FROM books GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")  # noqa: S608 - constants of ours
_BALANCE = text(f"""
WITH {_BOOKS} SELECT coalesce(sum(debit - credit), 0) FROM books WHERE account = '{Account.RECEIVABLES}'
""")  # noqa: S608 - constants of ours
# Proofs of months that end after one of these hours may no longer hold.
_FOLD = f"""
WITH {take_notes("books")},
dropped AS (DELETE FROM journal_hour WHERE hour IN (SELECT hour FROM changed)),
doubted AS (UPDATE month_proof SET changed_at = clock_timestamp() WHERE ends_at > (SELECT min(hour) FROM changed)),
posted AS MATERIALIZED ({_POSTED})
INSERT INTO journal_hour (hour, {_COLUMNS})
SELECT * FROM ({_SUM_UP.format(bucket=HOUR.format("at"))}) AS each ORDER BY 1, 2, 3
"""  # noqa: S608 - constants of ours
EARLIEST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(slots=True)
class Books:
    """The journal of a period, summed up, in US dollars."""

    first: date
    last: date
    rows: list[tuple[date, str, str, int, int, Decimal, Decimal]] = field(default_factory=list)
    """Day, kind, account, entries, postings, debits and credits."""

    @property
    def debits(self) -> Decimal:
        """The sum of all debits."""
        return sum((row[5] for row in self.rows), ZERO)

    @property
    def credits(self) -> Decimal:
        """The sum of all credits, equal to the debits."""
        return sum((row[6] for row in self.rows), ZERO)

    @property
    def postings(self) -> int:
        """The number of lines of all entries."""
        return sum(row[4] for row in self.rows)

    @property
    def moved(self) -> dict[tuple[str, str], Decimal]:
        """How each kind of event changed each account: debits less credits."""
        found: dict[tuple[str, str], Decimal] = {}
        for _, kind, account, _, _, debit, credit in self.rows:
            if account:
                found[kind, account] = found.get((kind, account), ZERO) + debit - credit
        return {key: moved for key, moved in found.items() if moved}

    @property
    def owed(self) -> Decimal:
        """How all events together changed receivables."""
        return sum((moved for (_, account), moved in self.moved.items() if account == Account.RECEIVABLES), ZERO)

    def sum_up(self, by: JournalBy) -> list[JournalSums]:
        """Return the sums by account of each kind or day, or of each account alone."""
        sums: dict[str | date, dict[Account, tuple[Decimal, Decimal]]] = {}
        entries: dict[str | date, int] = {}
        for day, kind, account, count, _, debit, credit in self.rows:
            group: str | date = day if by is JournalBy.DAY else kind if by is JournalBy.KIND else account
            if not account:
                entries[group] = entries.get(group, 0) + count
                continue
            accounts = sums.setdefault(group, {})
            was = accounts.get(Account(account), (ZERO, ZERO))
            accounts[Account(account)] = (was[0] + debit, was[1] + credit)
        return [
            JournalSums(group, entries.get(group, 0), [(account, *both) for account, both in sorted(accounts.items())])
            for group, accounts in sorted(sums.items())
        ]


async def get_books(db: Reader, first: date, last: date, *, visible_to: Actor, timezone: tzinfo) -> Books:
    """Return the journal of these days, summed up, in one statement."""
    require(visible_to, Right.SEE_PROFIT, "Only a manager sees the books.")
    begins, ends = business_range_bounds(first, last, timezone)
    edges = [start_of_business_day(first + timedelta(days=n), timezone) for n in range((last - first).days + 2)]
    values = {"begins": begins, "ends": ends, "cut": find_cut_hours(edges), "zone": str(timezone)}
    return Books(first, last, [tuple(row) for row in await db.execute(_BY_DAY, values)])


async def sum_receivables(db: Reader, ends: datetime, *, timezone: tzinfo) -> Decimal:
    """Return the receivables of the journal of all days before a moment, in one statement."""
    values = {"begins": EARLIEST, "ends": ends, "cut": find_cut_hours([ends]), "zone": str(timezone)}
    balance: Decimal = (await db.execute(_BALANCE, values)).scalar_one()
    return balance


async def fold_journal_hours(db: AsyncSession) -> None:
    """Recount the hours that changed, and store them."""
    await count_for_good(db, _FOLD)
