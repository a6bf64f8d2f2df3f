"""Customers as CSV: the whole book, or what the list's filter shows, with the columns that an import takes back."""

from collections.abc import AsyncIterator, Sequence
from datetime import tzinfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.customers.list_customers import sort_rows
from domain.customers.list_filters import BrowseCustomers, filter_customers
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, is_emptied, read_rows
from domain.customers.totals import NOTHING, Bought, sum_orders_of
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import business_date
from domain.kernel.spreadsheets import Cell, stream_csv, write_csv
from models import AuditAction
from models.session import Database

COLUMNS = (
    "first_name", "last_name", "company_name", "email", "phone", "orders", "total_spent", "joined",
    "shipping_street", "shipping_city", "shipping_state", "shipping_zip",
    "billing_street", "billing_city", "billing_state", "billing_zip", "same_as_shipping",
)  # fmt: skip
BATCH = 1000
MOST_LISTED = 1000


def write_template() -> bytes:
    """An empty file with the right heading."""
    return b"".join(write_csv(COLUMNS, []))


async def export_book(db: AsyncSession, database: Database, *, timezone: tzinfo, by: Actor) -> AsyncIterator[bytes]:
    """Every customer, in order of id, as pieces of a CSV file; the export stands in the audit trail."""
    require(by, Right.EXPORT_CUSTOMERS, "Your role does not export the book.")
    await record_audit(
        db,
        action=AuditAction.CUSTOMERS_EXPORTED,
        record_kind="customer",
        record_id=None,
        after={"filter": "everybody"},
        by=by,
    )
    return stream_csv(COLUMNS, _read_book(database, timezone))


async def export_list(db: AsyncSession, query: BrowseCustomers, *, timezone: tzinfo, by: Actor) -> bytes:
    """What the list shows, for who may take the book as much of it as there is, else at most 1,000 rows."""
    require(by, Right.EXPORT_CUSTOMER_LIST, "Your role does not export customers.")
    conditions = filter_customers(query, query.tab, timezone=timezone)
    statement = sort_rows(SELECT_ROWS.where(*conditions), query.as_list())
    most = MOST_LISTED * 20 if may(by, Right.EXPORT_CUSTOMERS) else MOST_LISTED
    rows = await read_rows(db, statement.limit(most))
    bought = await sum_orders_of(db, [row.id for row in rows])
    asked = query.model_dump(mode="json", exclude={"page", "per_page"}, exclude_defaults=True) | {"rows": len(rows)}
    await record_audit(
        db, action=AuditAction.CUSTOMERS_EXPORTED, record_kind="customer", record_id=None, after=asked, by=by
    )
    return b"".join(write_csv(COLUMNS, _write_rows(rows, bought, timezone)))


async def _read_book(database: Database, timezone: tzinfo) -> AsyncIterator[list[Cell]]:
    """Batch after batch, each beginning after the last id of the one before."""
    last = 0
    while True:
        async with database.reporting() as connection:
            statement = SELECT_ROWS.where(CUSTOMERS.id > last, ~is_emptied()).order_by(CUSTOMERS.id).limit(BATCH)
            rows = await read_rows(connection, statement)
            bought = await sum_orders_of(connection, [row.id for row in rows])
        for cells in _write_rows(rows, bought, timezone):
            yield cells
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def _write_rows(rows: Sequence[CustomerRow], bought: dict[int, Bought], timezone: tzinfo) -> list[list[Cell]]:
    return [_write_row(row, bought.get(row.id, NOTHING), timezone) for row in rows]


def _write_row(row: CustomerRow, bought: Bought, timezone: tzinfo) -> list[Cell]:
    shipping: list[Cell] = [row.shipping_street, row.shipping_city, row.shipping_state, row.shipping_zip]
    billing: list[Cell] = [row.billing_street, row.billing_city, row.billing_state, row.billing_zip]
    is_same = shipping == billing and any(shipping)
    return [
        row.first_name, row.last_name, row.company_name, row.email or "", row.phone or row.phone_raw,
        bought.order_count, bought.total_spent, business_date(row.created_at, timezone),
        *shipping, *billing, "yes" if is_same else "no",
    ]  # fmt: skip
