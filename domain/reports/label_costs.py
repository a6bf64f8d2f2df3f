"""The labels that make up a month's shipping cost, for the figure on the profit page that opens them."""

from collections.abc import AsyncIterator
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import add_months, first_of_month, start_of_business_day
from domain.kernel.copied_sheets import Rows, copy_sheet, on_day, typed
from domain.orders.filters import ORDERS
from models import Label, LabelState, Order, columns_of, table_of
from models.session import Database

LABELS = columns_of(Label)
_FROM = table_of(Label).join(table_of(Order), ORDERS.id == LABELS.order_id)
_TRACKED = func.coalesce(LABELS.tracking_number, "")
_RATE, _INSURANCE = (func.coalesce(column, Decimal("0.00")) for column in (LABELS.rate, LABELS.insurance))
_CELLS: Select[Any] = select(
    on_day(LABELS.bought_at),
    *(typed(text) for text in (ORDERS.order_number, LABELS.carrier, LABELS.service, _TRACKED)),
    *(_RATE, _INSURANCE, _RATE + _INSURANCE),
).select_from(_FROM)
COLUMNS = ("bought_on", "order_number", "carrier", "service", "tracking_number", "rate", "insurance", "cost")


def export_label_costs(database: Database, day: date, *, visible_to: Actor, timezone: tzinfo) -> AsyncIterator[bytes]:
    """Return the labels bought in a day's business month as chunks of a CSV file, without those refunded since."""
    require(visible_to, Right.SEE_PROFIT, "Only a manager sees profit.")

    async def find_rows(_connection: AsyncConnection) -> Rows:
        return Rows(_CELLS, (LABELS.bought_at, LABELS.id), _bought_in_month(day, timezone))

    return copy_sheet(database, COLUMNS, find_rows, timezone=timezone)


def _bought_in_month(day: date, timezone: tzinfo) -> list[ColumnElement[bool]]:
    month = first_of_month(day)
    return [
        LABELS.bought_at >= start_of_business_day(month, timezone),
        LABELS.bought_at < start_of_business_day(add_months(month, 1), timezone),
        LABELS.state == LabelState.BOUGHT,
        LABELS.refund_status.is_distinct_from("refunded"),
    ]
