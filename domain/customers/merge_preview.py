"""Previews a merge of two customers: which values are kept, what moves, and the customer's figures afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import calculate_exposure, find_customer
from domain.credit.ledger import get_credit_balance
from domain.customers.merge_tables import FATES, Fate
from domain.customers.rows import CustomerRow, get_customer
from domain.customers.totals import NOTHING, Bought, sum_orders_of
from domain.kernel.money import ZERO, format_money
from domain.kernel.phone import format_phone
from domain.orders.business import current_business
from models.session import raw_connection

NOUNS = {
    "orders": "order",
    "payment": "payment",
    "invoice": "invoice",
    "receipt": "receipt",
    "credit_entry": "credit entry",
    "calling_entry": "calling entry",
    "outbound_call_log": "call",
    "call_log": "voice call",
    "rfq": "request for a quote",
    "customer_note": "note",
    "bank_account": "bank account",
    "subscription": "subscription",
    "outbox_message": "message",
    "stripe_intent": "card payment",
}


_DETAILS = """
SELECT o.first_order, o.last_order, i.open, i.due, c.last_call FROM
  (SELECT (min(created_at) AT TIME ZONE $2)::date AS first_order, (max(created_at) AT TIME ZONE $2)::date AS last_order
   FROM orders WHERE customer_id = $1 AND status <> 'cancelled') AS o,
  (SELECT sum(balance) AS open, min(due_date) AS due FROM invoice
   WHERE customer_id = $1 AND status IN ('sent', 'partly_paid')) AS i,
  (SELECT (max(created_at) AT TIME ZONE $2)::date AS last_call FROM outbound_call_log WHERE customer_id = $1) AS c
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """One field: both values, which one is kept, and why. A field with a name can be chosen."""

    label: str
    ours: str
    theirs: str
    theirs_wins: bool
    why: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two customers, with their orders, debts and credit."""

    row: CustomerRow
    bought: Bought
    owes: Decimal
    credit: Decimal


@dataclass(frozen=True, slots=True)
class Move:
    """Rows of one kind that move, with their sum or their dates."""

    count: int
    noun: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MergePreview:
    """The data of the merge page."""

    keep: Side
    gone: Side
    choices: Sequence[Choice]
    same: Sequence[tuple[str, str]]
    moves: Sequence[Move]


async def preview_merge(db: AsyncSession, keep_id: int, merge_id: int) -> MergePreview:
    """Return the preview without changing anything. Raises NotFound for either customer."""
    keep, gone = [await _read_side(db, customer_id) for customer_id in (keep_id, merge_id)]
    choices = _compare(keep.row, gone.row)
    same = [(each.label, each.ours) for each in choices if each.ours == each.theirs and each.ours != "–"]
    differing = [each for each in choices if each.ours != each.theirs]
    return MergePreview(keep, gone, differing, same, await _count_moves(db, gone))


async def _read_side(db: AsyncSession, customer_id: int) -> Side:
    row = await get_customer(db, customer_id)
    connection = await raw_connection(db)
    record = await find_customer(connection, customer_id)
    owes = (await calculate_exposure(connection, record)).exposure if record is not None else ZERO
    bought = (await sum_orders_of(db, [customer_id])).get(customer_id, NOTHING)
    return Side(row, bought, owes, await get_credit_balance(db, customer_id))


def _compare(ours: CustomerRow, theirs: CustomerRow) -> list[Choice]:
    found = [
        _choose("Company", ours.company_name, theirs.company_name, name="company_name"),
        _choose("Name", ours.name, theirs.name, name="name"),
        _choose("Email", ours.email or "", theirs.email or "", name="email"),
        _fill("Billing email", ours.billing_email or "", theirs.billing_email or ""),
        _fill("Phone", _phone(ours.phone), _phone(theirs.phone)),
        _fill("Second phone", _phone(ours.phone2), _phone(theirs.phone2) or _other_phone(ours, theirs)),
        _fill("Deliver to", ours.shipping_address, theirs.shipping_address),
        _fill("Bill to", ours.billing_address, theirs.billing_address),
        _fill("Rep", ours.rep_name or "", theirs.rep_name or ""),
        Choice("Terms", _terms(ours), _terms(theirs), False, "kept one’s"),
        _stricter("Calls", ours.do_not_call, theirs.do_not_call, "do not call"),
        _stricter("Texts", ours.do_not_text, theirs.do_not_text, "said STOP"),
        _fill("PO number", ours.po_number, theirs.po_number),
    ]
    since = [f"{row.created_at:%b} {row.created_at.day}, {row.created_at.year}" for row in (ours, theirs)]
    is_older = theirs.created_at < ours.created_at
    return [*found, Choice("Customer since", since[0], since[1], is_older, "the earlier")]


def _choose(label: str, ours: str, theirs: str, *, name: str) -> Choice:
    """Return a field that can be chosen if both have a value."""
    if ours and theirs:
        return Choice(label, ours, theirs, False, "", name)
    return _fill(label, ours, theirs)


def _fill(label: str, ours: str, theirs: str) -> Choice:
    fills = not ours and bool(theirs)
    return Choice(label, ours or "–", theirs or "–", fills, "fills the gap" if fills else "kept one’s")


def _stricter(label: str, ours: bool, theirs: bool, word: str) -> Choice:
    words = [word if marked else "allowed" for marked in (ours, theirs)]
    return Choice(label, words[0], words[1], theirs and not ours, "the stricter wins")


def _phone(phone: str | None) -> str:
    return format_phone(phone) if phone else ""


def _other_phone(ours: CustomerRow, theirs: CustomerRow) -> str:
    """Return the merged customer's phone if it becomes the kept one's second phone."""
    return _phone(theirs.phone) if theirs.phone != ours.phone and not ours.phone2 else ""


def _terms(row: CustomerRow) -> str:
    return f"Net 30, ${row.credit_limit:,.2f}" if row.payment_terms == "net30" else "Prepaid"


async def _count_moves(db: AsyncSession, gone: Side) -> list[Move]:
    """Return the number of rows of each kind that would move, in one statement; kinds without rows are left out."""
    connection = await raw_connection(db)
    names = [name for name, fate in FATES.items() if fate is not Fate.ENDS and name.split(".")[0] in NOUNS]
    links = [name.split(".") for name in names]
    parts = [f"(SELECT count(*) FROM {table} WHERE {column} = $1)" for table, column in links]  # noqa: S608 - our own tables
    counts = await connection.fetchrow(f"SELECT {', '.join(parts)}", gone.row.id)
    assert counts is not None  # a SELECT without FROM returns one row
    details = await _describe_moves(db, gone)
    found = sorted(zip(links, counts, strict=True), key=lambda each: list(NOUNS).index(each[0][0]))
    return [Move(count, NOUNS[table], details.get(table, "")) for (table, _), count in found if count]


async def _describe_moves(db: AsyncSession, gone: Side) -> dict[str, str]:
    """Return the sums and dates shown with the counts, in one statement that uses the customer's indexes."""
    row = await (await raw_connection(db)).fetchrow(_DETAILS, gone.row.id, str(current_business().timezone))
    assert row is not None  # sums without GROUP BY return one row
    first, last = (f"{day:%b %Y}" if day else "" for day in (row["first_order"], row["last_order"]))
    details = {"credit_entry": f"{format_money(gone.credit)} store credit"}
    if first:
        months = first if first == last else f"{first} – {last}"
        details["orders"] = f"{format_money(gone.bought.total_spent)}, {months}"
    if row["open"]:
        due = f", the oldest due {row['due']:%b} {row['due'].day}" if row["due"] else ""
        details["invoice"] = f"{format_money(row['open'])} open{due}"
    if row["last_call"]:
        details["outbound_call_log"] = f"the last on {row['last_call']:%b} {row['last_call'].day}"
    return details
