"""The status of an order, found by its number, or of the caller's newest order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import asyncpg

from domain.voice.caller import find_caller
from domain.voice.inputs import OrderNumberIn, PhoneInput, names_phone, read_order_number
from domain.voice.order_reads import find_order, list_caller_orders, with_items
from domain.voice.speech import say_count, say_day, say_money, spell_order_number

SAID_STATUS = {
    "pending": "is waiting to be confirmed",
    "confirmed": "is confirmed",
    "packed": "is packed",
    "shipped": "is on its way",
    "delivered": "was delivered",
    "cancelled": "was cancelled",
}


class OrderStatusQuestion(PhoneInput):
    """The order to look up: by its number, or the newest of a phone number."""

    order_number: OrderNumberIn | None = None
    """The order's number, also as it is read aloud."""

    @classmethod
    def find_faults(cls, sent: Mapping[str, Any]) -> dict[str, str]:
        """Report a request with neither a number nor a phone."""
        named = names_phone(sent) or str(sent.get("order_number") or "").strip()
        return super().find_faults(sent) | ({} if named else {"order_number": "is required, or else a phone number"})


@dataclass(frozen=True, slots=True)
class OrderStatusAnswer:
    """An order and a sentence about it; without an order, the sentence says so."""

    message: str
    success: bool = True
    order: dict[str, Any] | None = None


async def describe_order_status(
    connection: asyncpg.Connection, data: OrderStatusQuestion, *, timezone: tzinfo
) -> OrderStatusAnswer:
    """Return the requested order, with its items."""
    if data.order_number:
        row = await find_order(connection, read_order_number(data.order_number), phone=data.caller_phone)
        orders = await with_items(connection, [row] if row else [])
    else:
        caller = await find_caller(connection, data.caller_phone or "")
        orders = await list_caller_orders(connection, caller, most=1)
    if not orders:
        missing = "that number" if data.order_number else "your phone number"
        return OrderStatusAnswer(
            f"I can't find an order under {missing}. Could you read me the order number?", success=False
        )
    order = orders[0]
    return OrderStatusAnswer(_say_order(order, timezone), order=order | {"total": order["total_amount"]})


def _say_order(order: dict[str, Any], timezone: tzinfo) -> str:
    state = "is on hold until we release it" if order["on_hold"] else SAID_STATUS[order["status"]]
    day, items = say_day(order["created_at"], timezone), say_count(order["item_count"], "item")
    placed = f"You placed it {day}: {items}, {say_money(order['total_amount'])}."
    return f"Order {spell_order_number(order['order_number'])} {state}. {placed}"
