"""The list of invoices as CSV, written by the database in batches, so that many rows need no more than one batch."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Date, case, cast, func, select

from domain.access.rights import Right, require
from domain.invoices.list_page import InvoiceFilters, find_conditions
from domain.invoices.queries import FROM, INVOICES, IS_OVERDUE, NUMBER, ORDERS
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.copied_sheets import BATCH, FIRST_BATCH, copy_rows, send_sheet, typed
from models.session import Database

COLUMNS = (
    "invoice_number", "status", "overdue", "customer", "name", "email", "phone", "po_number", "order_number", "sent_on",
    "due_date", "subtotal", "discount_amount", "shipping_fee", "tax_rate", "tax_amount", "total_amount", "amount_paid",
    "credited", "balance",
)  # fmt: skip


def export_invoices(
    database: Database, filters: InvoiceFilters, *, visible_to: Actor, timezone: tzinfo
) -> AsyncIterator[bytes]:
    """Every invoice under the list's filters that the actor may see, oldest first, as pieces of a CSV file."""
    require(visible_to, Right.SEE_INVOICES, "Your role does not see invoices.")
    return send_sheet(COLUMNS, _read_batches(database, filters, visible_to, timezone))


async def _read_batches(
    database: Database, filters: InvoiceFilters, actor: Actor, timezone: tzinfo
) -> AsyncGenerator[bytes]:
    """Batch after batch, each beginning after the last row of the one before."""
    cells = select(*_write_cells(timezone)).select_from(FROM).order_by(INVOICES.id)
    wanted = find_conditions(filters, today=business_today(timezone), visible_to=actor)
    after, most = 0, FIRST_BATCH
    while True:
        within = [*wanted, INVOICES.id > after]
        ends = select(INVOICES.id).select_from(FROM).where(*within).order_by(INVOICES.id).offset(most - 1).limit(1)
        async with database.reporting() as connection:
            last = await connection.scalar(ends)
            if last is not None:
                within.append(INVOICES.id <= last)
            rows = await copy_rows(connection, cells.where(*within))
        yield rows
        if last is None:
            return
        after, most = last, BATCH


def _write_cells(timezone: tzinfo) -> list[ColumnElement[Any]]:
    return [
        typed(NUMBER),
        INVOICES.status,
        case((IS_OVERDUE, "yes")),
        *(typed(INVOICES[f"customer_{name}"]) for name in ("company", "name", "email", "phone")),
        typed(INVOICES.po_number),
        typed(ORDERS.order_number),
        cast(func.timezone(str(timezone), INVOICES.sent_at), Date),
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
    ]
