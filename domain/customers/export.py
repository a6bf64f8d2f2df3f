"""Customers as CSV: all, or what the list's filter shows, with the columns that an import accepts.

PostgreSQL writes the lines itself, a batch at a time, so that any number of customers needs little memory and no
transaction stays open for a slow client.
"""

from array import array
from collections.abc import AsyncIterator
from datetime import tzinfo
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, any_, case, func, not_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, may, require
from domain.customers.last_orders import KEPT, Theirs, is_changed
from domain.customers.list_filters import BrowseCustomers
from domain.customers.list_owing import choose_people, find_owing
from domain.customers.list_places import select_ids
from domain.customers.rows import CUSTOMERS, is_emptied
from domain.kernel.actor import Actor
from domain.kernel.audit import record_export
from domain.kernel.copied_sheets import LISTED, Rows, copy_listed, copy_sheet, in_batch, on_day, typed, typed_phone
from domain.kernel.spreadsheets import write_csv
from models import Customer, CustomerSales, Order, OrderStatus, columns_of, table_of
from models.session import Database, plan_for_values

ORDERS = columns_of(Order)
COLUMNS = (
    "first_name", "last_name", "company_name", "email", "phone", "orders", "total_spent", "joined",
    "shipping_street", "shipping_city", "shipping_state", "shipping_zip",
    "billing_street", "billing_city", "billing_state", "billing_zip", "same_as_shipping",
)  # fmt: skip
MOST_LISTED = 1_000
_ADDRESS = ("street", "city", "state", "zip")
_SHIPPING, _BILLING = ([CUSTOMERS[f"{kind}_{part}"] for part in _ADDRESS] for kind in ("shipping", "billing"))


def write_template() -> bytes:
    """Return an empty file with the right heading."""
    return b"".join(write_csv(COLUMNS, []))


async def export_book(db: AsyncSession, database: Database, *, timezone: tzinfo, by: Actor) -> AsyncIterator[bytes]:
    """Return all customers, in order of id, as chunks of a CSV file. The export is recorded in the audit trail."""
    require(by, Right.EXPORT_CUSTOMERS, "Your role can't export all customers.")
    await record_export(db, "customer", {"filter": "everybody"}, by=by)

    async def find_rows(_connection: AsyncConnection) -> Rows:
        return Rows(_select_lines(in_batch), (CUSTOMERS.id,), (not_(is_emptied()),))

    return copy_sheet(database, COLUMNS, find_rows, timezone=timezone)


async def export_list(
    db: AsyncSession, database: Database, query: BrowseCustomers, *, timezone: tzinfo, by: Actor
) -> AsyncIterator[bytes]:
    """Return the list in its order: all of it for those who may export all customers, otherwise at most 1,000 rows."""
    require(by, Right.EXPORT_CUSTOMER_LIST, "Your role does not export customers.")
    most = None if may(by, Right.EXPORT_CUSTOMERS) else MOST_LISTED
    owing = find_owing(query, choose_people(query, timezone))
    wanted = select_ids(query, owing, timezone=timezone, most=most)
    await plan_for_values(db)
    ids = array("q", await db.scalars(wanted))  # 8 bytes per customer
    asked = query.model_dump(mode="json", exclude={"page", "per_page"}, exclude_defaults=True) | {"rows": len(ids)}
    await record_export(db, "customer", asked, by=by)
    return copy_listed(database, COLUMNS, _select_listed(), ids, timezone=timezone)


def _is_listed(customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    return customer_id == any_(LISTED)


@cache
def _select_listed() -> Select[Any]:
    listed = func.unnest(LISTED).table_valued("id", with_ordinality="place", name="listed").render_derived()
    return _select_lines(_is_listed).where(listed.c.id == CUSTOMERS.id).order_by(listed.c.place)


@cache
def _select_lines(theirs: Theirs) -> Select[Any]:
    """Return the cells of customers, with their order totals; `theirs` selects the rows of these customers.

    The totals are the stored ones, or recalculated if an order changed since.
    """
    changed = (theirs(ORDERS.customer_id), is_changed(ORDERS.customer_id, theirs))
    fresh = (
        select(ORDERS.customer_id, func.count().label("orders"), func.sum(ORDERS.total_amount).label("spent"))
        .where(ORDERS.status != OrderStatus.CANCELLED, *changed)
        .group_by(ORDERS.customer_id)
        .subquery("fresh")
    )
    is_kept = and_(KEPT.customer_id == CUSTOMERS.id, not_(is_changed(CUSTOMERS.id, theirs)))
    kept = table_of(Customer).outerjoin(table_of(CustomerSales), is_kept)
    is_same = and_(tuple_(*_SHIPPING) == tuple_(*_BILLING), or_(*(column != "" for column in _SHIPPING)))
    return select(
        *(typed(CUSTOMERS[name]) for name in ("first_name", "last_name", "company_name", "email")),
        typed_phone(func.coalesce(CUSTOMERS.phone, CUSTOMERS.phone_raw)),
        func.coalesce(fresh.c.orders, KEPT.order_count, 0),
        func.coalesce(fresh.c.spent, KEPT.lifetime_value, Decimal("0.00")),
        on_day(CUSTOMERS.created_at),
        *(typed(column) for column in (*_SHIPPING, *_BILLING)),
        case((is_same, "yes"), else_="no"),
    ).select_from(kept.outerjoin(fresh, fresh.c.customer_id == CUSTOMERS.id))
