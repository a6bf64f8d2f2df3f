"""A list of orders as CSV, written by the database in batches, so that a million rows need no more than one batch."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, func, literal, null, select, tuple_

from domain.kernel.actor import Actor
from domain.kernel.copied_sheets import BATCH, FIRST_BATCH, copy_rows, send_sheet, typed
from domain.orders.filters import ORDERS, OrderFilters, OrderSort
from domain.orders.queries import ORDERS_WITH_REPS, STAFF, find_conditions, sees_money
from models.session import Database

COLUMNS = (
    "order_number", "placed_at", "status", "on_hold", "company", "name", "phone", "email", "city", "state", "rep",
    "items", "units", "payment_method", "payment_status", "subtotal", "discount_amount", "delivery_fee",
    "total_amount", "amount_paid", "balance", "tracking_number",
)  # fmt: skip
_MONEY = ("subtotal", "discount_amount", "delivery_fee", "total_amount", "amount_paid", "balance")


def export_orders(
    database: Database, filters: OrderFilters, *, visible_to: Actor, timezone: ZoneInfo
) -> AsyncIterator[bytes]:
    """The rows of a list in its own sequence as pieces of a CSV file; amounts are empty for who sees no money.

    Each batch is all that stands between its first place and its last when it is read.
    """
    return send_sheet(COLUMNS, _read_batches(database, filters, visible_to, timezone))


async def _read_batches(
    database: Database, filters: OrderFilters, actor: Actor, timezone: ZoneInfo
) -> AsyncGenerator[bytes]:
    cells = select(*_write_cells(actor, timezone)).select_from(ORDERS_WITH_REPS)
    place, falls = (ORDERS.created_at, ORDERS.id), filters.sort is OrderSort.NEWEST
    order = [column.desc() if falls else column.asc() for column in place]
    before: tuple[Any, ...] | None = None
    most = FIRST_BATCH
    while True:
        async with database.reporting() as connection:
            within = await find_conditions(connection, filters, visible_to=actor, timezone=timezone)
            if before is not None:
                within.append(tuple_(*place) < before if falls else tuple_(*place) > before)
            ends = select(*place).where(*within).order_by(*order).offset(most - 1).limit(1)
            last = (await connection.execute(ends)).one_or_none()
            if last is not None:
                within.append(tuple_(*place) >= tuple(last) if falls else tuple_(*place) <= tuple(last))
            rows = await copy_rows(connection, cells.where(*within).order_by(*order))
        yield rows
        if last is None:
            return
        before, most = tuple(last), BATCH


def _write_cells(actor: Actor, timezone: ZoneInfo) -> list[ColumnElement[Any]]:
    money = [ORDERS[name] if sees_money(actor) else null() for name in _MONEY]
    local = func.timezone(literal(timezone.key), ORDERS.created_at)
    return [
        typed(ORDERS.order_number),
        func.to_char(local, "YYYY-MM-DD HH24:MI"),
        ORDERS.status,
        case((ORDERS.on_hold, "yes")),
        typed(ORDERS.delivery_company),
        typed(ORDERS.delivery_name),
        typed(func.coalesce(func.nullif(ORDERS.delivery_phone, ""), ORDERS.delivery_phone_raw)),
        typed(ORDERS.delivery_email),
        typed(ORDERS.delivery_city),
        typed(ORDERS.delivery_state),
        typed(STAFF.full_name),
        ORDERS.item_count,
        ORDERS.unit_count,
        ORDERS.payment_method,
        ORDERS.payment_status,
        *money,
        typed(ORDERS.tracking_number),
    ]
