"""Late invoices for the home page: their number, their sum, and the oldest one."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from domain.access.rights import Right, may
from domain.invoices.queries import INVOICES, IS_OVERDUE, Reader
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from models import Customer, Order, Role, table_of


@dataclass(frozen=True, slots=True)
class LateInvoices:
    """Invoices past their due date, in US dollars."""

    count: int = 0
    amount: Decimal = ZERO
    oldest_due: date | None = None
    oldest_name: str = ""


async def count_late_invoices(db: Reader, *, visible_to: Actor) -> LateInvoices:
    """Return the late invoices that the actor may see, in one statement; none for readers who may not see invoices."""
    if not may(visible_to, Right.SEE_INVOICES):
        return LateInvoices()
    payer = func.coalesce(func.nullif(INVOICES.customer_company, ""), INVOICES.customer_name)
    # The late invoices come first, because they are few; the customer is looked up for each.
    late = (
        select(
            INVOICES.id, INVOICES.balance, INVOICES.due_date, INVOICES.customer_id, INVOICES.order_id,
            payer.label("payer"),
        )
        .where(IS_OVERDUE)
        .cte("late")
        .prefix_with("MATERIALIZED")
    )  # fmt: skip
    statement = select(
        func.count(),
        func.coalesce(func.sum(late.c.balance), 0),
        func.min(late.c.due_date),
        func.array_agg(aggregate_order_by(late.c.payer, late.c.due_date, late.c.id))[1],
    )
    if visible_to.has_role(Role.SALES_REP):
        # A subquery for each, because a join would read all customers.
        reps = [
            select(table.c.sales_rep_id).where(table.c.id == column).scalar_subquery()
            for table, column in ((table_of(Customer), late.c.customer_id), (table_of(Order), late.c.order_id))
        ]
        statement = statement.where(or_(*(rep == visible_to.id for rep in reps)))
    count, amount, due, name = (await db.execute(statement)).one()
    return LateInvoices(count, amount, due, name or "")
