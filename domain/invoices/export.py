"""The list of invoices as CSV, read in batches so that many rows need no more memory than one batch."""

from collections.abc import AsyncIterator
from datetime import tzinfo

from domain.access.rights import Right, require
from domain.invoices.list_page import InvoiceFilters, list_filtered
from domain.invoices.queries import InvoiceRow
from domain.kernel.actor import Actor
from domain.kernel.clock import business_date, business_today
from domain.kernel.spreadsheets import Cell, stream_csv
from models.session import Database

BATCH = 1000
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
    return stream_csv(COLUMNS, _read_cells(database, filters, visible_to, timezone))


async def _read_cells(
    database: Database, filters: InvoiceFilters, actor: Actor, timezone: tzinfo
) -> AsyncIterator[list[Cell]]:
    """Batch after batch, each beginning after the last row of the one before."""
    last, today = 0, business_today(timezone)
    while True:
        async with database.reporting() as connection:
            rows = await list_filtered(connection, filters, today=today, visible_to=actor, after=last, most=BATCH)
        for row in rows:
            yield _write_row(row, timezone)
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def _write_row(row: InvoiceRow, timezone: tzinfo) -> list[Cell]:
    return [
        row.invoice_number,
        row.status,
        "yes" if row.is_overdue else "",
        row.customer_company,
        row.customer_name,
        row.customer_email or "",
        row.customer_phone or "",
        row.po_number,
        row.order_number or "",
        business_date(row.sent_at, timezone) if row.sent_at else None,
        row.due_date,
        row.subtotal,
        row.discount_amount,
        row.shipping_fee,
        row.tax_rate,
        row.tax_amount,
        row.total_amount,
        row.amount_paid,
        row.allowances,
        row.balance,
    ]
