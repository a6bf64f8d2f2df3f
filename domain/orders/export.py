"""A list of orders as CSV, read in batches so that a million rows need no more memory than one batch."""

from collections.abc import AsyncIterator
from datetime import tzinfo

from sqlalchemy import tuple_

from domain.kernel.actor import Actor
from domain.kernel.spreadsheets import Cell, stream_csv
from domain.orders.filters import ORDERS, OrderFilters, OrderSort
from domain.orders.queries import OrderRow, find_conditions, list_rows
from models.session import Database

BATCH = 1000
COLUMNS = (
    "order_number", "placed_at", "status", "on_hold", "company", "name", "phone", "email", "city", "state", "rep",
    "items", "units", "payment_method", "payment_status", "subtotal", "discount_amount", "delivery_fee",
    "total_amount", "amount_paid", "balance", "tracking_number",
)  # fmt: skip


def export_orders(
    database: Database, filters: OrderFilters, *, visible_to: Actor, timezone: tzinfo
) -> AsyncIterator[bytes]:
    """The rows of a list in its own sequence as pieces of a CSV file; amounts are empty for who sees no money."""
    return stream_csv(COLUMNS, _read_cells(database, filters, visible_to, timezone))


async def _read_cells(
    database: Database, filters: OrderFilters, actor: Actor, timezone: tzinfo
) -> AsyncIterator[list[Cell]]:
    """Batch after batch, each beginning after the last row of the one before."""
    asked = filters.model_copy(update={"page": 1, "per_page": BATCH})
    last: OrderRow | None = None
    while True:
        async with database.reporting() as connection:
            conditions = await find_conditions(connection, asked, visible_to=actor, timezone=timezone)
            if last is not None:
                place, here = tuple_(ORDERS.created_at, ORDERS.id), tuple_(last.created_at, last.id)
                conditions.append(place < here if asked.sort is OrderSort.NEWEST else place > here)
            rows = await list_rows(connection, asked, conditions, visible_to=actor)
        for row in rows:
            yield _write_row(row, timezone)
        if len(rows) < BATCH:
            return
        last = rows[-1]


def _write_row(row: OrderRow, timezone: tzinfo) -> list[Cell]:
    return [
        row.order_number,
        row.created_at.astimezone(timezone).strftime("%Y-%m-%d %H:%M"),
        row.status,
        "yes" if row.on_hold else "",
        row.delivery_company,
        row.delivery_name,
        row.delivery_phone or row.delivery_phone_raw,
        row.delivery_email or "",
        row.delivery_city,
        row.delivery_state,
        row.rep_name or "",
        row.item_count,
        row.unit_count,
        row.payment_method,
        row.payment_status,
        row.subtotal,
        row.discount_amount,
        row.delivery_fee,
        row.total_amount,
        row.amount_paid,
        row.balance,
        row.tracking_number or "",
    ]
