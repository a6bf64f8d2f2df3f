"""A caller's past orders, newest first, with their tracking numbers."""

from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Annotated, Any

import asyncpg
from pydantic import AfterValidator, Field

from domain.kernel.input_errors import bad_field
from domain.voice.caller import find_caller
from domain.voice.inputs import CallerInput, SpokenInt
from domain.voice.order_reads import list_caller_orders
from domain.voice.order_status import SAID_STATUS
from domain.voice.speech import say_count, say_day, say_money
from models import OrderStatus

MOST = 20

ALL = "all"
FILTERS: list[Any] = [ALL, *OrderStatus]


def _check_status(value: str) -> str:
    if value not in FILTERS:
        raise bad_field(f"must be {ALL} or one of {', '.join(OrderStatus)}")
    return value


class PastOrders(CallerInput):
    """The caller, the number of orders, and their status."""

    limit: Annotated[SpokenInt, Field(ge=1, le=MOST)] = 5
    """The most orders to return, up to 20."""
    status_filter: Annotated[str, AfterValidator(_check_status), Field(json_schema_extra={"enum": FILTERS})] = ALL
    """An order status, or `all`."""


@dataclass(frozen=True, slots=True)
class PastOrdersAnswer:
    """A caller's orders and a sentence about them."""

    message: str
    success: bool = True
    customer_name: str | None = None
    order_count: int = 0
    orders: list[dict[str, Any]] = field(default_factory=list)


async def describe_past_orders(
    connection: asyncpg.Connection, data: PastOrders, *, timezone: tzinfo
) -> PastOrdersAnswer:
    """Return the caller's orders; for a number without account or orders, a sentence that says so."""
    caller = await find_caller(connection, data.caller)
    status = None if data.status_filter == ALL else data.status_filter
    # One more than requested shows whether there are more.
    found = await list_caller_orders(connection, caller, most=data.limit + 1, status=status)
    orders, is_more = found[: data.limit], len(found) > data.limit
    if not orders and caller.customer is None:
        return PastOrdersAnswer("I don't find any orders under this number.", success=False)
    shown = [order | {"date": order["created_at"], "total": order["total_amount"]} for order in orders]
    name = caller.name or None
    said = _say_orders(orders, timezone, is_more=is_more)
    return PastOrdersAnswer(said, customer_name=name, order_count=len(orders), orders=shown)


def _say_orders(orders: list[dict[str, Any]], timezone: tzinfo, *, is_more: bool) -> str:
    if not orders:
        return "I don't find an order like that on your account."
    newest = orders[0]
    day, total = say_day(newest["created_at"], timezone).removeprefix("on "), say_money(newest["total_amount"])
    newest_said = f"The newest is from {day} for {total} and {SAID_STATUS[newest['status']]}."
    counted = say_count(len(orders), "order")
    last = "your last order" if len(orders) == 1 else f"your last {counted}"
    return f"I see {last if is_more else counted}. {newest_said}"
