"""The tools for a simulated agent: run on the real data, in a transaction that is always rolled back."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.errors import DomainError
from domain.kernel.inputs import Input, read_json
from domain.orders.rules import read_rules
from domain.voice.cancel_order import CancelVoiceOrder, cancel_voice_order
from domain.voice.check_terms import CheckTerms, check_terms
from domain.voice.find_products import FindProducts, find_spoken_products
from domain.voice.hand_over import HandOver, hand_over
from domain.voice.lookup_customer import LookupCustomer, lookup_customer
from domain.voice.order_guide import AskGuide, describe_guide
from domain.voice.order_status import OrderStatusQuestion, describe_order_status
from domain.voice.past_orders import PastOrders, describe_past_orders
from domain.voice.place_order import PlaceVoiceOrder, place_voice_order
from domain.voice.send_sms import SendOrderSms, send_order_sms
from domain.voice.speech import make_speakable
from models.session import raw_connection, separate_transaction
from settings import Settings

AGENT = Actor(ActorKind.VOICE, name="Simulated call")
LONGEST_ANSWER = 6_000


class _TakenBack(Exception):
    """Raised to roll back the transaction once the tool's answer is known."""


@dataclass(frozen=True, slots=True)
class ReplayTool:
    """One tool with its input model."""

    model: type[Input]
    run: Callable[[AsyncSession, Any, Settings], Awaitable[Any]]
    does: str


async def _products(db: AsyncSession, data: FindProducts, _: Settings) -> Any:
    found = await find_spoken_products(await db.connection(), data)
    return {"message": found.message, "success": True, "products": [dict(row) for row in found.products]}


async def _place(db: AsyncSession, data: PlaceVoiceOrder, settings: Settings) -> Any:
    return await place_voice_order(db, data, by=AGENT, rules=read_rules(settings))


def _by_row(ask: Any, *, with_zone: bool = True) -> Callable[[AsyncSession, Any, Settings], Awaitable[Any]]:
    """Return a tool that reads with asyncpg's own connection."""

    async def run(db: AsyncSession, data: Any, settings: Settings) -> Any:
        more = {"timezone": settings.timezone} if with_zone else {}
        return await ask(await raw_connection(db), data, **more)

    return run


TOOLS: dict[str, ReplayTool] = {
    "check_terms": ReplayTool(CheckTerms, _by_row(check_terms), "may the caller pay on net 30"),
    "hand_to_person": ReplayTool(
        HandOver,
        lambda db, data, settings: hand_over(db, data, timezone=settings.timezone),
        "a colleague calls back",
    ),
    "lookup_customer": ReplayTool(LookupCustomer, _by_row(lookup_customer), "whose number it is"),
    "past_orders": ReplayTool(PastOrders, _by_row(describe_past_orders), "the caller's orders"),
    "send_order_sms": ReplayTool(
        SendOrderSms,
        lambda db, data, settings: send_order_sms(db, data, by=AGENT, settings=settings),
        "text a link or a confirmation",
    ),
    "voice_cancel_order": ReplayTool(
        CancelVoiceOrder, lambda db, data, _: cancel_voice_order(db, data, by=AGENT), "cancel an order"
    ),
    "voice_order_guide": ReplayTool(AskGuide, _by_row(describe_guide, with_zone=False), "what they usually buy"),
    "voice_order_status": ReplayTool(OrderStatusQuestion, _by_row(describe_order_status), "how an order stands"),
    "voice_place_order": ReplayTool(PlaceVoiceOrder, _place, "price an order, or place it once confirmed"),
    "voice_products": ReplayTool(FindProducts, _products, "search the catalogue"),
}


def describe_tools() -> str:
    """Return the tools with the names of their parameters, one per line."""
    lines = []
    for name, tool in TOOLS.items():
        taken = [field for field in tool.model.model_fields if field not in {"call_id", "phone"}]
        lines.append(f"{name}({', '.join(taken)}): {tool.does}")
    return "\n".join(lines)


async def run_tool(name: str, arguments: str, *, settings: Settings) -> str:
    """Return the tool's answer as JSON; everything it did is rolled back."""
    tool = TOOLS.get(name)
    if tool is None:
        return _write({"success": False, "message": "There is no such tool."})
    answer: Any = None
    try:
        async with separate_transaction() as db:
            data = read_json(tool.model, arguments.encode(), timezone=settings.timezone)
            answer = await tool.run(db, data, settings)
            raise _TakenBack
    except _TakenBack:
        return _write(answer if isinstance(answer, dict) else asdict(answer))
    except DomainError as refusal:
        return _write({"success": False, "message": make_speakable(refusal.message), "fields": refusal.fields})


def _write(answer: dict[str, Any]) -> str:
    return orjson.dumps(answer, default=str).decode()[:LONGEST_ANSWER]
