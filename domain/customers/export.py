"""Customers as CSV: the whole book, or what the list's filter shows, with the columns that an import takes back.

PostgreSQL writes the lines itself, a batch at a time, so that a book of any length costs neither memory nor a
transaction that stays open while somebody's line is slow.
"""

from array import array
from collections.abc import AsyncIterator, Sequence
from datetime import tzinfo
from itertools import pairwise

import asyncpg
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.customers.list_filters import BrowseCustomers
from domain.customers.list_places import select_ids
from domain.customers.rows import is_emptied
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
# The first one is small, so that the download begins at once.
FIRST_BATCH, BATCH = 500, 10_000
MOST_LISTED = 1_000
_ADDRESS = ("street", "city", "state", "zip")
_SHIPPING, _BILLING = ([f"customer.{kind}_{part}" for part in _ADDRESS] for kind in ("shipping", "billing"))
_IS_SAME = f"""CASE WHEN ({", ".join(_SHIPPING)}) = ({", ".join(_BILLING)}) AND concat({", ".join(_SHIPPING)}) <> ''
  THEN 'yes' ELSE 'no' END"""
# What each column holds, in their order; what people typed runs nothing in a spreadsheet.
_CELLS = [
    *(guard_in_sql(f"customer.{name}") for name in ("first_name", "last_name", "company_name", "email")),
    guard_in_sql("coalesce(customer.phone, customer.phone_raw)"),
    "coalesce(bought.orders, 0)",
    "coalesce(bought.spent, 0.00)",
    "(customer.created_at AT TIME ZONE $1::text)::date",
    *(guard_in_sql(column) for column in (*_SHIPPING, *_BILLING)),
    _IS_SAME,
]
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]
_EMPTIED = is_emptied().compile(dialect=_POSTGRESQL, compile_kwargs={"literal_binds": True})
_BOUGHT = """
SELECT o.customer_id, count(*) AS orders, sum(o.total_amount) AS spent FROM orders AS o
WHERE o.status <> 'cancelled' AND {whose} GROUP BY o.customer_id
"""
_RANGE = f"""
SELECT {", ".join(_CELLS)} FROM customer
LEFT JOIN ({_BOUGHT.format(whose="o.customer_id > $2 AND o.customer_id <= $3")}) AS bought
  ON bought.customer_id = customer.id
WHERE customer.id > $2::bigint AND customer.id <= $3::bigint AND NOT ({_EMPTIED}) ORDER BY customer.id
"""  # noqa: S608 - the columns named above.
_CHOSEN = f"""
SELECT {", ".join(_CELLS)} FROM unnest($2::bigint[]) WITH ORDINALITY AS wanted(id, place)
JOIN customer ON customer.id = wanted.id
LEFT JOIN ({_BOUGHT.format(whose="o.customer_id = ANY($2)")}) AS bought ON bought.customer_id = customer.id
ORDER BY wanted.place
"""  # noqa: S608 - the columns named above.
# The last id of each batch of the book, from the index of ids alone.
_ENDS = """
SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM (
  SELECT id, row_number() OVER (ORDER BY id) AS place, lead(id) OVER (ORDER BY id) AS next FROM customer
) AS numbered WHERE place = $2 OR place % $1 = 0 OR next IS NULL
"""
# A statement of lines with its values besides the time zone.
Batch = tuple[str, *tuple[object, ...]]


def write_template() -> bytes:
    """An empty file with the right heading."""
    return b"".join(write_csv(COLUMNS, []))


async def export_book(db: AsyncSession, database: Database, *, timezone: tzinfo, by: Actor) -> AsyncIterator[bytes]:
    """Every customer, in order of id, as pieces of a CSV file; the export stands in the audit trail."""
    require(by, Right.EXPORT_CUSTOMERS, "Your role does not export the book.")
    await _record(db, {"filter": "everybody"}, by=by)
    return _write_batches(database, _cut_book(database), timezone)


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
    return _write_batches(database, _cut_list(ids), timezone)


async def _record(db: AsyncSession, asked: dict[str, object], *, by: Actor) -> None:
    await record_audit(
        db, action=AuditAction.CUSTOMERS_EXPORTED, record_kind="customer", record_id=None, after=asked, by=by
    )


async def _cut_book(database: Database) -> AsyncIterator[Batch]:
    """The book in ranges of ids."""
    async with database.reporting() as connection:
        ends = await (await raw_connection_of(connection)).fetchval(_ENDS, BATCH, FIRST_BATCH)
    for after, last in pairwise([0, *ends]):
        yield _RANGE, after, last


async def _cut_list(ids: Sequence[int]) -> AsyncIterator[Batch]:
    """A list in pieces, in its order."""
    for start in range(0, len(ids), BATCH):
        yield _CHOSEN, list(ids[start : start + BATCH])


async def _write_batches(database: Database, batches: AsyncIterator[Batch], timezone: tzinfo) -> AsyncIterator[bytes]:
    """The heading, then the lines of each batch; all of them end as PostgreSQL ends them."""
    yield write_template().replace(b"\r\n", b"\n")
    async for statement, *values in batches:
        async with database.reporting() as connection:
            raw = await raw_connection_of(connection)
            lines = await _copy(raw, statement, str(timezone), *values)
        yield lines


async def _copy(connection: asyncpg.Connection, statement: str, *values: object) -> bytes:
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(piece)

    await connection.copy_from_query(statement, *values, output=keep, format="csv")
    return b"".join(pieces)
