"""A list of orders as CSV, written by the database in batches, so that memory use is limited to one batch."""

from collections.abc import AsyncIterator
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, case, func, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.actor import Actor
from domain.kernel.copied_sheets import Rows, at_minute, copy_sheet, typed, typed_phone
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
    """Return the rows of a list in order, as chunks of a CSV file. Amounts are empty unless they may be seen."""

    async def find_rows(connection: AsyncConnection) -> Rows:
        wanted = await find_conditions(connection, filters, visible_to=visible_to, timezone=timezone)
        cells = _select_cells(sees_money(visible_to))
        return Rows(cells, (ORDERS.created_at, ORDERS.id), wanted, falls=filters.sort is OrderSort.NEWEST)

    return copy_sheet(database, COLUMNS, find_rows, timezone=timezone)


@cache
def _select_cells(shows_money: bool) -> Select[Any]:
    return select(
        typed(ORDERS.order_number),
        at_minute(ORDERS.created_at),
        ORDERS.status,
        case((ORDERS.on_hold, "yes")),
        typed(ORDERS.delivery_company),
        typed(ORDERS.delivery_name),
        typed_phone(func.coalesce(func.nullif(ORDERS.delivery_phone, ""), ORDERS.delivery_phone_raw)),
        typed(ORDERS.delivery_email),
        typed(ORDERS.delivery_city),
        typed(ORDERS.delivery_state),
        typed(STAFF.full_name),
        ORDERS.item_count,
        ORDERS.unit_count,
        ORDERS.payment_method,
        ORDERS.payment_status,
        *(ORDERS[name] if shows_money else null() for name in _MONEY),
        typed(ORDERS.tracking_number),
    ).select_from(ORDERS_WITH_REPS)
