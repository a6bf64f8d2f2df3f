"""A customer's invoices for their page: the newest ones, what is open and late, and whether reminders are sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select

from domain.access.rights import Right, require
from domain.invoices.queries import (
    CUSTOMERS,
    FROM,
    INVOICES,
    IS_OVERDUE,
    IS_OWED,
    NEWEST,
    InvoiceRow,
    Reader,
    may_be_seen_by,
    read_rows,
    select_rows,
)
from domain.kernel.actor import Actor

SHOWN = 20


@dataclass(frozen=True, slots=True)
class CustomerInvoices:
    """The newest invoices, with the sums of all of them in US dollars."""

    rows: Sequence[InvoiceRow]
    total: int
    open: Decimal
    late: Decimal
    sends_reminders: bool


async def get_customer_invoices(db: Reader, customer_id: int, *, visible_to: Actor) -> CustomerInvoices:
    """Return the invoices for a customer's tab, in three statements."""
    mine = _mine(customer_id, visible_to)
    rows = await read_rows(db, select_rows(*mine).order_by(*NEWEST).limit(SHOWN))
    sums = select(
        func.count(),
        func.coalesce(func.sum(INVOICES.balance).filter(IS_OWED), 0),
        func.coalesce(func.sum(INVOICES.balance).filter(IS_OVERDUE), 0),
    )
    total, owed, late = (await db.execute(sums.select_from(FROM).where(*mine))).one()
    switch = await db.scalar(select(CUSTOMERS.sends_reminders).where(CUSTOMERS.id == customer_id))
    return CustomerInvoices(rows, total, owed, late, switch is not False)


async def count_customer_invoices(db: Reader, customer_id: int, *, visible_to: Actor) -> int:
    """Return the number of the customer's invoices that the actor may see."""
    statement = select(func.count()).select_from(FROM).where(*_mine(customer_id, visible_to))
    return int(await db.scalar(statement) or 0)


def _mine(customer_id: int, reader: Actor) -> list[ColumnElement[bool]]:
    require(reader, Right.SEE_INVOICES, "Your role does not see invoices.")
    own = may_be_seen_by(reader)
    return [INVOICES.customer_id == customer_id, *([] if own is None else [own])]
