"""What an agent knows before the call begins: the probable caller, their usual items, and their open orders."""

from zoneinfo import ZoneInfo

import asyncpg

from domain.credit.exposure import calculate_exposure
from domain.kernel.inputs import Input, Text200
from domain.kernel.phone import parse_phone
from domain.voice.caller import find_caller
from domain.voice.order_guide import read_guide, say_guide
from domain.voice.order_reads import list_caller_orders
from domain.voice.order_status import SAID_STATUS
from domain.voice.speech import say_day, say_money, spell_order_number

OPEN = ("pending", "confirmed", "packed", "shipped")
MOST_OPEN = 3
NOTHING_KNOWN = {
    "caller_phone": "",
    "caller_known": "no",
    "caller_company": "",
    "usual_order": "",
    "open_matters": "",
    "payment_terms": "",
}


class CallerQuestion(Input):
    """ElevenLabs' data about an incoming call."""

    caller_id: Text200 | None = None
    """The caller's number, if it is transmitted."""
    agent_id: Text200 | None = None
    """The agent that answers."""
    called_number: Text200 | None = None
    """The number that was called."""
    call_sid: Text200 | None = None
    """The phone provider's id of the call."""


async def introduce_caller(
    connection: asyncpg.Connection, data: CallerQuestion, *, timezone: ZoneInfo
) -> dict[str, str]:
    """Return the variables of a call as strings, maybe empty. A number proves nothing, so they contain no addresses."""
    phone = parse_phone(data.caller_id) if data.caller_id else None
    if phone is None:
        return NOTHING_KNOWN
    caller = await find_caller(connection, phone)
    if caller.customer is None:
        return NOTHING_KNOWN | {"caller_phone": phone}
    orders = await list_caller_orders(connection, caller, most=10)
    open_orders = [order for order in orders if order["status"] in OPEN][:MOST_OPEN]
    matters = [
        f"Order {spell_order_number(order['order_number'])} from "
        f"{say_day(order['created_at'], timezone).removeprefix('on ')} {SAID_STATUS[order['status']]}"
        for order in open_orders
    ]
    standing = await calculate_exposure(connection, caller.customer)
    if standing.is_overdue:
        matters.append("A bill is past due")
    usual = say_guide(await read_guide(connection, caller.customer_id))
    terms = "prepaid"
    if standing.payment_terms == "net30":
        terms = f"net thirty, {say_money(standing.available_credit)} left"
    return NOTHING_KNOWN | {
        "caller_phone": phone,
        "caller_known": "yes",
        "caller_company": caller.name,
        "usual_order": usual,
        "open_matters": ". ".join(matters),
        "payment_terms": terms,
    }
