"""A customer's statement: what was open before the period, what happened in it, and what is open on its last day."""

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.ageing import WORDS, Age, choose_age
from domain.invoices.taken_off import CONCERNS, IS_ALLOWANCE, TAKEN_OFF
from domain.kernel.actor import Actor
from domain.kernel.clock import business_date, first_of_month, start_of_business_day
from domain.kernel.errors import NotFound
from domain.kernel.money import ZERO
from models import Customer, Invoice, Role

# Every sent invoice, credit memo, allowance and payment of the customer's invoices, with its sign.
_MOVES = text(f"""
WITH mine AS (
  SELECT i.* FROM invoice AS i WHERE i.customer_id = :customer AND i.sent_at IS NOT NULL AND i.sent_at < :ends
)
SELECT sent_at AS at, 'invoice' AS kind, invoice_number AS name, total_amount AS charged, 0.00 AS paid, due_date,
  po_number
FROM mine
UNION ALL
SELECT voided_at, 'void', invoice_number, 0.00,
  total_amount - (SELECT coalesce(sum(m.amount), 0) FROM credit_memo AS m WHERE m.invoice_id = mine.id)
  + (SELECT coalesce(sum(p.applied_amount), 0) FROM payment AS p WHERE p.invoice_id = mine.id AND {IS_ALLOWANCE}),
  due_date,
  po_number
FROM mine WHERE voided_at < :ends
UNION ALL
SELECT m.created_at, 'credit', m.memo_number, 0.00, m.amount, NULL, i.invoice_number
FROM credit_memo AS m JOIN mine AS i ON i.id = m.invoice_id WHERE m.created_at < :ends
UNION ALL
SELECT greatest(p.created_at, i.sent_at), 'payment', p.method, 0.00, p.applied_amount, NULL,
  CASE WHEN p.reference <> '' THEN p.reference ELSE i.invoice_number END
FROM payment AS p JOIN mine AS i ON p.invoice_id = i.id OR (p.order_id = i.order_id AND i.status <> 'void')
WHERE p.state = 'succeeded' AND p.created_at < :ends AND p.applied_amount <> 0
  AND ({IS_ALLOWANCE}) IS NOT TRUE
UNION ALL
SELECT greatest(t.created_at, i.sent_at), 'allowance', i.invoice_number, 0.00, t.amount, NULL, ''
FROM ({TAKEN_OFF}) AS t JOIN mine AS i ON {CONCERNS} AND i.status <> 'void' WHERE t.created_at < :ends
ORDER BY at, kind
""")  # noqa: S608 - our own tables.


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of the period, with the balance after it. Amounts are in US dollars."""

    on: date
    kind: str
    name: str
    charged: Decimal
    paid: Decimal
    balance: Decimal
    due_date: date | None
    more: str


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice that is not fully paid on the day of the statement."""

    id: int
    number: str
    po_number: str
    due_date: date
    total: Decimal
    settled: Decimal
    balance: Decimal
    days_late: int


@dataclass(frozen=True, slots=True)
class Statement:
    """The content of a statement. Amounts are in US dollars."""

    customer_id: int
    company: str
    name: str
    address: str
    city: str
    state: str
    zip: str
    email: str | None
    terms: str
    since: date
    as_of: date
    brought_forward: Decimal
    lines: list[StatementLine]
    open: list[OpenInvoice]
    ages: list[tuple[str, Decimal]]

    @property
    def balance(self) -> Decimal:
        """What is to be paid."""
        return sum((invoice.balance for invoice in self.open), ZERO)

    @property
    def late(self) -> Decimal:
        """The part of it that is past due."""
        return sum((invoice.balance for invoice in self.open if invoice.days_late > 0), ZERO)

    @property
    def days_late(self) -> list[int]:
        """By how many days each late invoice is late, the most first."""
        return sorted((invoice.days_late for invoice in self.open if invoice.days_late > 0), reverse=True)


async def get_statement(
    db: AsyncSession, customer_id: int, *, since: date, as_of: date, visible_to: Actor, timezone: tzinfo
) -> Statement:
    """Return the statement of a customer. Raises NotFound for an unknown one and for another rep's."""
    require(visible_to, Right.SEE_INVOICES, "Your role does not see invoices.")
    customer = await db.get(Customer, customer_id)
    is_hidden = visible_to.has_role(Role.SALES_REP) and customer and customer.sales_rep_id != visible_to.id
    if customer is None or is_hidden:
        raise NotFound("There is no such customer.")
    return await _write(db, customer, since=since, as_of=as_of, timezone=timezone)


async def get_own_statement(db: AsyncSession, invoice_id: int, *, as_of: date, timezone: tzinfo) -> Statement:
    """Return the statement of the customer whose invoice a link is for. Raises NotFound without an account."""
    whose = select(Invoice.customer_id).where(Invoice.id == invoice_id, Invoice.sent_at.is_not(None)).scalar_subquery()
    customer = (await db.execute(select(Customer).where(Customer.id == whose))).scalar_one_or_none()
    if customer is None:
        raise NotFound("This invoice has no account, so there is no statement.")
    return await _write(db, customer, since=first_of_statement(as_of), as_of=as_of, timezone=timezone)


async def get_statement_of_customer(db: AsyncSession, *, as_of: date, visible_to: Actor, timezone: tzinfo) -> Statement:
    """Return the statement of the signed-in customer for the three months up to a day."""
    customer = await db.get_one(Customer, visible_to.id)
    return await _write(db, customer, since=first_of_statement(as_of), as_of=as_of, timezone=timezone)


def first_of_statement(as_of: date) -> date:
    """Return the default first day of a statement: three months including the current one."""
    return first_of_month(as_of - timedelta(days=60))


async def _write(db: AsyncSession, customer: Customer, *, since: date, as_of: date, timezone: tzinfo) -> Statement:
    ends = start_of_business_day(as_of + timedelta(days=1), timezone)
    moves = (await db.execute(_MOVES, {"customer": customer.id, "ends": ends})).all()
    balance, before, lines = ZERO, ZERO, []
    for move in moves:
        balance += move.charged - move.paid
        on = business_date(move.at, timezone)
        if on < since:
            before = balance
            continue
        lines.append(
            StatementLine(on, move.kind, move.name, move.charged, move.paid, balance, move.due_date, move.po_number)
        )
    opened = await _list_open(db, customer.id, as_of, ends)
    ages = dict.fromkeys(Age, ZERO)
    for invoice in opened:
        ages[choose_age(invoice.days_late)] += invoice.balance
    source = "billing" if customer.billing_street else "shipping"
    return Statement(
        customer_id=customer.id,
        company=customer.company_name,
        name=f"{customer.first_name} {customer.last_name}".strip(),
        address=getattr(customer, f"{source}_street"),
        city=getattr(customer, f"{source}_city"),
        state=getattr(customer, f"{source}_state"),
        zip=getattr(customer, f"{source}_zip"),
        email=customer.email,
        terms=customer.payment_terms,
        since=since,
        as_of=as_of,
        brought_forward=before,
        lines=lines,
        open=opened,
        ages=[(WORDS[age], amount) for age, amount in ages.items()],
    )


# What was open on a day: the total less credit memos and payments up to then.
_OPEN = text(f"""
SELECT i.id, i.invoice_number, i.po_number, i.due_date, i.total_amount,
  coalesce((SELECT sum(m.amount) FROM credit_memo AS m WHERE m.invoice_id = i.id AND m.created_at < :ends), 0)
  + coalesce((
    SELECT sum(p.applied_amount) FROM payment AS p
    WHERE p.state = 'succeeded' AND p.created_at < :ends AND (p.invoice_id = i.id OR p.order_id = i.order_id)
      AND ({IS_ALLOWANCE}) IS NOT TRUE
  ), 0)
  + coalesce((SELECT sum(t.amount) FROM ({TAKEN_OFF}) AS t WHERE {CONCERNS} AND t.created_at < :ends), 0) AS settled
FROM invoice AS i
WHERE i.customer_id = :customer AND i.sent_at < :ends AND (i.voided_at IS NULL OR i.voided_at >= :ends)
ORDER BY i.due_date, i.id
""")  # noqa: S608 - our own tables.


async def _list_open(db: AsyncSession, customer_id: int, as_of: date, ends: Any) -> list[OpenInvoice]:
    rows = await db.execute(_OPEN, {"customer": customer_id, "ends": ends})
    return [
        OpenInvoice(
            row.id,
            row.invoice_number,
            row.po_number,
            row.due_date,
            row.total_amount,
            row.settled,
            row.total_amount - row.settled,
            (as_of - row.due_date).days,
        )
        for row in rows
        if row.total_amount > row.settled
    ]
