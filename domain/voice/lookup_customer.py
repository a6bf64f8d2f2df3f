"""Finds the account of a phone number, with its recent orders."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import asyncpg

from domain.voice.caller import Caller, find_caller
from domain.voice.inputs import CallerInput
from domain.voice.order_reads import list_caller_orders
from domain.voice.speech import say_day, say_money, say_text

RECENT = 5


class LookupCustomer(CallerInput):
    """The phone number to look up."""


@dataclass(frozen=True, slots=True)
class FoundCaller:
    """The account of a number, if any."""

    message: str
    success: bool = True
    found: bool = False
    customer: dict[str, Any] | None = None


async def lookup_customer(connection: asyncpg.Connection, data: LookupCustomer, *, timezone: tzinfo) -> FoundCaller:
    """Return the account of a number, without name and email if several accounts share it."""
    caller = await find_caller(connection, data.caller)
    if caller.customer is None:
        return FoundCaller("I don't find an account under this number. You can order as a guest.")
    orders = await list_caller_orders(connection, caller, most=RECENT)
    return FoundCaller(_say_found(caller, orders, timezone), found=True, customer=_show_customer(caller, orders))


def _show_customer(caller: Caller, orders: list[dict[str, Any]]) -> dict[str, Any]:
    row = caller.customer
    assert row is not None  # only called for an account
    is_told = not caller.is_shared
    return {
        "id": row["id"],
        "name": f"{row['first_name']} {row['last_name']}".strip() if is_told else None,
        "company": row["company_name"] if is_told else None,
        "email": row["email"] if is_told else None,
        "phone": row["phone"],
        "payment_terms": row["payment_terms"],
        "approved_for_terms": row["payment_terms"] == "net30",
        "recent_orders": [
            {
                "order_number": order["order_number"],
                "status": order["status"],
                "total": order["total_amount"],
                "date": order["created_at"],
                "item_count": order["item_count"],
            }
            for order in orders
        ],
    }


def _say_found(caller: Caller, orders: list[dict[str, Any]], timezone: tzinfo) -> str:
    if caller.is_shared:
        return "I see this number. Which business are you calling from?"
    greeting = f"I have {say_text(caller.name)} on file" if caller.name else "I have your account on file"
    if not orders:
        return f"{greeting}. There is no order on it yet."
    newest = orders[0]
    day, total = say_day(newest["created_at"], timezone), say_money(newest["total_amount"])
    return f"{greeting}. The last order was {day}, for {total}."
