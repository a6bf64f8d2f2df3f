"""A customer's history for the outbound agent: their orders, what they buy most, and what they may need again."""

from dataclasses import dataclass, field
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import asyncpg
from pydantic import Field

from domain.kernel.clock import business_today
from domain.voice.caller import find_caller
from domain.voice.inputs import CallerInput, SpokenInt
from domain.voice.order_reads import list_caller_orders
from domain.voice.past_orders import MOST
from domain.voice.queue_details import Details, list_details
from domain.voice.speech import say_count, say_day, say_list, say_text

SAID = 2


class OrderHistory(CallerInput):
    """The customer, and the number of orders."""

    limit: Annotated[SpokenInt, Field(ge=1, le=MOST)] = 10
    """The most orders to return, up to 20."""


@dataclass(frozen=True, slots=True)
class History:
    """A customer's orders, and what can be concluded from them."""

    message: str
    success: bool = True
    customer_name: str | None = None
    company: str | None = None
    order_count: int = 0
    orders: list[dict[str, Any]] = field(default_factory=list)
    top_categories: list[str] = field(default_factory=list)
    reorder_candidates: list[str] = field(default_factory=list)


async def describe_order_history(connection: asyncpg.Connection, data: OrderHistory, *, timezone: ZoneInfo) -> History:
    """Return the history of the number's account, or of its guest orders."""
    caller = await find_caller(connection, data.caller)
    orders = await list_caller_orders(connection, caller, most=data.limit)
    if caller.customer is None and not orders:
        return History("I don't find any orders under this number.", success=False)
    details = Details()
    if caller.customer_id is not None:
        today = business_today(timezone)
        details = (await list_details(connection, [caller.customer_id], today=today, timezone=timezone))[
            caller.customer_id
        ]
    is_told = caller.customer is not None and not caller.is_shared
    row = caller.customer
    return History(
        _say_history(orders, details, timezone),
        customer_name=f"{row['first_name']} {row['last_name']}".strip() if row and is_told else None,
        company=row["company_name"] if row and is_told else None,
        order_count=len(orders),
        orders=[order | {"date": order["created_at"], "total": order["total_amount"]} for order in orders],
        top_categories=details.top_categories,
        reorder_candidates=details.reorder_candidates,
    )


def _say_history(orders: list[dict[str, Any]], details: Details, timezone: ZoneInfo) -> str:
    if not orders:
        return "There is no order on this account yet."
    day = say_day(orders[0]["created_at"], timezone).removeprefix("on ")
    sentence = f"I see {say_count(len(orders), 'order')}, the newest from {day}."
    if not details.reorder_candidates:
        return sentence
    return f"{sentence} They may need {say_list([say_text(name) for name in details.reorder_candidates[:SAID]])} again."
