"""Customers as CSV: the whole book, or what the list's filter shows, with the columns that an import takes back.

PostgreSQL writes the lines itself, a batch at a time, so that a book of any length costs neither memory nor a
transaction that stays open while somebody's line is slow.
"""

from array import array
from collections.abc import AsyncIterator, Sequence
from datetime import tzinfo

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.customers.list_filters import BrowseCustomers
from domain.customers.list_places import select_ids
from domain.customers.rows import CUSTOMERS, is_emptied
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.spreadsheets import guard_in_sql, write_csv
from models import AuditAction
from models.session import Database, plan_for_values, raw_connection_of

COLUMNS = (
    "first_name", "last_name", "company_name", "email", "phone", "orders", "total_spent", "joined",
    "shipping_street", "shipping_city", "shipping_state", "shipping_zip",
    "billing_street", "billing_city", "billing_state", "billing_zip", "same_as_shipping",
)  # fmt: skip
BATCH = 5_000
MOST_LISTED = 1_000
_ADDRESS = ("street", "city", "state", "zip")
_SHIPPING, _BILLING = ([f"c.{kind}_{part}" for part in _ADDRESS] for kind in ("shipping", "billing"))
_IS_SAME = f"""CASE WHEN ({", ".join(_SHIPPING)}) = ({", ".join(_BILLING)}) AND concat({", ".join(_SHIPPING)}) <> ''
  THEN 'yes' ELSE 'no' END"""
# What each column holds, in their order; what people typed runs nothing in a spreadsheet.
_CELLS = [
    *(guard_in_sql(f"c.{name}") for name in ("first_name", "last_name", "company_name", "email")),
    guard_in_sql("coalesce(c.phone, c.phone_raw)"),
    "bought.orders",
    "coalesce(bought.spent, 0.00)",
    "(c.created_at AT TIME ZONE $2::text)::date",
    *(guard_in_sql(column) for column in (*_SHIPPING, *_BILLING)),
    _IS_SAME,
]
_LINES = f"""
SELECT {", ".join(_CELLS)}
FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted(id, place)
JOIN customer AS c ON c.id = wanted.id
CROSS JOIN LATERAL (
  SELECT count(*) AS orders, sum(o.total_amount) AS spent FROM orders AS o
  WHERE o.customer_id = c.id AND o.status <> 'cancelled'
) AS bought
ORDER BY wanted.place
"""  # noqa: S608 - the columns named above.


def write_template() -> bytes:
    """An empty file with the right heading."""
    return b"".join(write_csv(COLUMNS, []))


async def export_book(db: AsyncSession, database: Database, *, timezone: tzinfo, by: Actor) -> AsyncIterator[bytes]:
    """Every customer, in order of id, as pieces of a CSV file; the export stands in the audit trail."""
    require(by, Right.EXPORT_CUSTOMERS, "Your role does not export the book.")
    await _record(db, {"filter": "everybody"}, by=by)
    return _write_batches(database, _read_book(database), timezone)


async def export_list(
    db: AsyncSession, database: Database, query: BrowseCustomers, *, timezone: tzinfo, by: Actor
) -> AsyncIterator[bytes]:
    """What the list shows, in its order: all of it for who may take the book, else at most 1,000 rows."""
    require(by, Right.EXPORT_CUSTOMER_LIST, "Your role does not export customers.")
    most = None if may(by, Right.EXPORT_CUSTOMERS) else MOST_LISTED
    wanted = select_ids(query, timezone=timezone, most=most)
    await plan_for_values(db)
    ids = array("q", await db.scalars(wanted))  # 8 bytes a customer
    asked = query.model_dump(mode="json", exclude={"page", "per_page"}, exclude_defaults=True) | {"rows": len(ids)}
    await _record(db, asked, by=by)
    return _write_batches(database, _cut(ids), timezone)


async def _record(db: AsyncSession, asked: dict[str, object], *, by: Actor) -> None:
    await record_audit(
        db, action=AuditAction.CUSTOMERS_EXPORTED, record_kind="customer", record_id=None, after=asked, by=by
    )


async def _read_book(database: Database) -> AsyncIterator[Sequence[int]]:
    """Batch after batch of ids, each beginning after the last one of the one before."""
    last = 0
    while True:
        wanted = select(CUSTOMERS.id).where(CUSTOMERS.id > last, ~is_emptied()).order_by(CUSTOMERS.id).limit(BATCH)
        async with database.reporting() as connection:
            ids = (await connection.scalars(wanted)).all()
        yield ids
        if len(ids) < BATCH:
            return
        last = ids[-1]


async def _cut(ids: Sequence[int]) -> AsyncIterator[Sequence[int]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


async def _write_batches(
    database: Database, batches: AsyncIterator[Sequence[int]], timezone: tzinfo
) -> AsyncIterator[bytes]:
    """The heading, then the lines of each batch; all of them end as PostgreSQL ends them."""
    yield write_template().replace(b"\r\n", b"\n")
    async for ids in batches:
        async with database.reporting() as connection:
            lines = await _write_lines(await raw_connection_of(connection), ids, timezone)
        yield lines


async def _write_lines(connection: asyncpg.Connection, ids: Sequence[int], timezone: tzinfo) -> bytes:
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(piece)

    await connection.copy_from_query(_LINES, list(ids), str(timezone), output=keep, format="csv")
    return b"".join(pieces)
