"""The list of invoices as CSV, written by the database in batches, so that memory use is limited to one batch."""

from collections.abc import AsyncIterator
from datetime import tzinfo
from functools import cache
from typing import Any

from sqlalchemy import Select, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, require
from domain.invoices.list_page import InvoiceFilters, find_conditions
from domain.invoices.queries import FROM, INVOICES, IS_OVERDUE, NUMBER
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.copied_sheets import Rows, copy_sheet, on_day, typed, typed_phone
from models.session import Database

COLUMNS = (
    "invoice_number", "status", "overdue", "customer", "name", "email", "phone", "po_number", "order_number", "sent_on",
    "due_date", "subtotal", "discount_amount", "shipping_fee", "tax_rate", "tax_amount", "total_amount", "amount_paid",
    "credited", "balance",
)  # fmt: skip


def export_invoices(
    database: Database, filters: InvoiceFilters, *, visible_to: Actor, timezone: tzinfo
) -> AsyncIterator[bytes]:
    """Return all invoices of the list that the actor may see, oldest first, as chunks of a CSV file."""
    require(visible_to, Right.SEE_INVOICES, "Your role does not see invoices.")

    async def find_rows(_connection: AsyncConnection) -> Rows:
        wanted = find_conditions(filters, today=business_today(timezone), visible_to=visible_to)
        return Rows(_select_cells(), (INVOICES.id,), wanted)

    return copy_sheet(database, COLUMNS, find_rows, timezone=timezone)


@cache
def _select_cells() -> Select[Any]:
    return select(
        typed(NUMBER),
        INVOICES.status,
        case((IS_OVERDUE, "yes")),
        *(typed(INVOICES[f"customer_{name}"]) for name in ("company", "name", "email")),
        typed_phone(INVOICES.customer_phone),
        typed(INVOICES.po_number),
        typed(INVOICES.order_number),
        on_day(INVOICES.sent_at),
        INVOICES.due_date,
        INVOICES.subtotal,
        INVOICES.discount_amount,
        INVOICES.shipping_fee,
        INVOICES.tax_rate,
        INVOICES.tax_amount,
        INVOICES.total_amount,
        INVOICES.amount_paid,
        INVOICES.allowances,
        INVOICES.balance,
    ).select_from(FROM)
