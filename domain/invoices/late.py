"""What is late, for the home page: how many invoices, how much, and the one that waits longest."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from domain.access.rights import Right, may
from domain.invoices.queries import FROM, INVOICES, IS_OVERDUE, Reader, may_be_seen_by
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO


@dataclass(frozen=True, slots=True)
class LateInvoices:
    """Invoices past their due date, US dollars."""

    count: int = 0
    amount: Decimal = ZERO
    oldest_due: date | None = None
    oldest_name: str = ""


async def count_late_invoices(db: Reader, *, visible_to: Actor) -> LateInvoices:
    """The late invoices that the actor may see, in one statement; none for who sees no invoices."""
    if not may(visible_to, Right.SEE_INVOICES):
        return LateInvoices()
    own = may_be_seen_by(visible_to)
    payer = func.coalesce(func.nullif(INVOICES.customer_company, ""), INVOICES.customer_name)
    statement = (
        select(
            func.count(),
            func.coalesce(func.sum(INVOICES.balance), 0),
            func.min(INVOICES.due_date),
            func.array_agg(aggregate_order_by(payer, INVOICES.due_date, INVOICES.id))[1],
        )
        .select_from(FROM)
        .where(IS_OVERDUE, *([] if own is None else [own]))
    )
    count, amount, due, name = (await db.execute(statement)).one()
    return LateInvoices(count, amount, due, name or "")
