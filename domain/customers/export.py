"""Customers as CSV: the whole book, or what the list's filter shows, with the columns that an import takes back.

PostgreSQL writes the lines itself, a batch at a time, so that a book of any length costs neither memory nor a
transaction that stays open while somebody's line is slow.
"""

from array import array
from collections.abc import AsyncIterator, Sequence
from datetime import tzinfo
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    Subquery,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    not_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.customers.last_orders import KEPT, Theirs, is_changed
from domain.customers.list_filters import BrowseCustomers
from domain.customers.list_owing import choose_people, find_owing
from domain.customers.list_places import select_ids
from domain.customers.rows import CUSTOMERS, is_emptied
from domain.kernel.actor import Actor
from domain.kernel.audit import record_export
from domain.kernel.copied_sheets import copy_rows, typed
from domain.kernel.spreadsheets import write_csv
from models import Customer, Order, OrderStatus, columns_of, table_of
from models.session import Database, plan_for_values, raw_connection_of

ORDERS = columns_of(Order)
COLUMNS = (
    "first_name", "last_name", "company_name", "email", "phone", "orders", "total_spent", "joined",
    "shipping_street", "shipping_city", "shipping_state", "shipping_zip",
    "billing_street", "billing_city", "billing_state", "billing_zip", "same_as_shipping",
)  # fmt: skip
# The first one is small, so that the download begins at once.
FIRST_BATCH, BATCH = 500, 10_000
MOST_LISTED = 1_000
_ADDRESS = ("street", "city", "state", "zip")
_SHIPPING, _BILLING = ([CUSTOMERS[f"{kind}_{part}"] for part in _ADDRESS] for kind in ("shipping", "billing"))
# The last id of the next batch of the book, from the index of ids alone.
_END = "SELECT max(id) FROM (SELECT id FROM customer WHERE id > $1 ORDER BY id LIMIT $2) AS batch"


def write_template() -> bytes:
    """An empty file with the right heading."""
    return b"".join(write_csv(COLUMNS, []))


async def export_book(db: AsyncSession, database: Database, *, timezone: tzinfo, by: Actor) -> AsyncIterator[bytes]:
    """Every customer, in order of id, as pieces of a CSV file; the export stands in the audit trail."""
    require(by, Right.EXPORT_CUSTOMERS, "Your role does not export the book.")
    await record_export(db, "customer", {"filter": "everybody"}, by=by)
    return _write_batches(database, _cut_book(database, timezone))


async def export_list(
    db: AsyncSession, database: Database, query: BrowseCustomers, *, timezone: tzinfo, by: Actor
) -> AsyncIterator[bytes]:
    """What the list shows, in its order: all of it for who may take the book, else at most 1,000 rows."""
    require(by, Right.EXPORT_CUSTOMER_LIST, "Your role does not export customers.")
    most = None if may(by, Right.EXPORT_CUSTOMERS) else MOST_LISTED
    owing = find_owing(choose_people(query, timezone))
    wanted = select_ids(query, owing, timezone=timezone, most=most)
    await plan_for_values(db)
    ids = array("q", await db.scalars(wanted))  # 8 bytes a customer
    asked = query.model_dump(mode="json", exclude={"page", "per_page"}, exclude_defaults=True) | {"rows": len(ids)}
    await record_export(db, "customer", asked, by=by)
    return _write_batches(database, _cut_list(ids, timezone))


async def _cut_book(database: Database, timezone: tzinfo) -> AsyncIterator[Select[Any]]:
    """The book in ranges of ids, each found when its turn comes."""
    after, most = 0, FIRST_BATCH
    while True:
        async with database.reporting() as connection:
            last = await (await raw_connection_of(connection)).fetchval(_END, after, most)
        if last is None:
            return
        lines = _select_lines(timezone, partial(_lies_between, after, last))
        within = (_lies_between(after, last, CUSTOMERS.id), not_(is_emptied()))
        yield lines.where(*within).order_by(CUSTOMERS.id)
        after, most = last, BATCH


def _lies_between(after: int, last: int, customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(customer_id > after, customer_id <= last)


def _is_among(batch: ColumnElement[Any], customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    return customer_id == any_(batch)


async def _cut_list(ids: Sequence[int], timezone: tzinfo) -> AsyncIterator[Select[Any]]:
    """A list in pieces, in its order."""
    for start in range(0, len(ids), BATCH):
        batch = literal(list(ids[start : start + BATCH]), ARRAY(BigInteger))
        wanted = func.unnest(batch).table_valued("id", with_ordinality="place", name="wanted").render_derived()
        lines = _select_lines(timezone, partial(_is_among, batch))
        yield lines.join(wanted, wanted.c.id == CUSTOMERS.id).order_by(wanted.c.place)


def _select_bought(theirs: Theirs) -> Subquery:
    """What customers bought: as it is kept, and added up where an order changed since."""
    kept = select(KEPT.customer_id, KEPT.order_count.label("orders"), KEPT.lifetime_value.label("spent"))
    fresh = select(ORDERS.customer_id, func.count(), func.sum(ORDERS.total_amount)).where(
        is_changed(ORDERS.customer_id, theirs), ORDERS.status != OrderStatus.CANCELLED, theirs(ORDERS.customer_id)
    )
    return union_all(
        kept.where(~is_changed(KEPT.customer_id, theirs), theirs(KEPT.customer_id)), fresh.group_by(ORDERS.customer_id)
    ).subquery("bought")


def _select_lines(timezone: tzinfo, theirs: Theirs) -> Select[Any]:
    """The cells of customers, with what they bought; `theirs` says which rows are of these customers."""
    bought = _select_bought(theirs)
    is_same = and_(tuple_(*_SHIPPING) == tuple_(*_BILLING), func.concat(*_SHIPPING) != "")
    return (
        select(
            *(typed(CUSTOMERS[name]) for name in ("first_name", "last_name", "company_name", "email")),
            typed(func.coalesce(CUSTOMERS.phone, CUSTOMERS.phone_raw)),
            func.coalesce(bought.c.orders, 0),
            func.coalesce(bought.c.spent, Decimal("0.00")),
            cast(func.timezone(str(timezone), CUSTOMERS.created_at), Date),
            *(typed(column) for column in (*_SHIPPING, *_BILLING)),
            case((is_same, "yes"), else_="no"),
        )
        .select_from(table_of(Customer))
        .outerjoin(bought, bought.c.customer_id == CUSTOMERS.id)
    )


async def _write_batches(database: Database, batches: AsyncIterator[Select[Any]]) -> AsyncIterator[bytes]:
    yield write_template()
    async for lines in batches:
        async with database.reporting() as connection:
            rows = await copy_rows(connection, lines)
        yield rows
