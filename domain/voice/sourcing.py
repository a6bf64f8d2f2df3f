"""Opens a request for quotes for something we don't sell, and posts it to the sourcing team at once."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.inputs import Filled2000, Text2000
from domain.kernel.live import Topic, announce
from domain.kernel.phone import format_phone
from domain.kernel.sql import NamedSql
from domain.messages.outbox import queue_discord
from domain.voice.caller import Caller, find_caller
from domain.voice.inputs import CallerInput, SpokenInt, SpokenMoney
from domain.voice.redact import redact_text
from domain.voice.speech import say_text
from models.rfq import number_rfq
from models.session import raw_connection

MOST_WEEKS = 520


class OpenRfq(CallerInput):
    """What is wanted, with all that the caller said about it."""

    item_description: Filled2000
    """What the caller wants."""
    specifications: Text2000 | None = None
    """Sizes, materials, colours."""
    quantity: Annotated[SpokenInt, Field(ge=1, le=100_000_000)] | None = None
    """The number of pieces."""
    target_unit_price: SpokenMoney | None = None
    """The target price per piece, in US dollars."""
    quality_notes: Text2000 | None = None
    """The required quality."""
    timeline_weeks: Annotated[SpokenInt, Field(ge=1, le=MOST_WEEKS)] | None = None
    """The number of weeks until it is needed."""
    delivery_address: Text2000 | None = None
    """The delivery address."""
    additional_notes: Text2000 | None = None
    """Anything else that was said."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted, without card digits, as it is stored."""

    item_description: str
    specifications: str
    quantity: int | None
    target_unit_price: Decimal | None
    quality_notes: str
    timeline_weeks: int | None
    delivery_address: str
    additional_notes: str


_COLUMNS = ("customer_id", "call_id", "phone", "actor_name", *Wish.__dataclass_fields__)
_WRITE = NamedSql(
    f"INSERT INTO rfq ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) RETURNING id"  # noqa: S608 - names of this module
)


@dataclass(frozen=True, slots=True)
class OpenedRfq:
    """The request's number."""

    message: str
    rfq_number: str
    success: bool = True


async def open_rfq(db: AsyncSession, data: OpenRfq, *, by: Actor) -> OpenedRfq:
    """Open a request and queue the post to the sourcing channel."""
    connection = await raw_connection(db)
    caller = await find_caller(connection, data.caller)
    wish = Wish(
        item_description=redact_text(data.item_description),
        specifications=redact_text(data.specifications or ""),
        quantity=data.quantity,
        target_unit_price=data.target_unit_price,
        quality_notes=redact_text(data.quality_notes or ""),
        timeline_weeks=data.timeline_weeks,
        delivery_address=redact_text(data.delivery_address or ""),
        additional_notes=redact_text(data.additional_notes or ""),
    )
    values = asdict(wish) | {
        "customer_id": caller.customer_id,
        "call_id": data.call_id,
        "phone": data.caller,
        "actor_name": by.name,
    }
    rfq_id = await connection.fetchval(_WRITE.text, *_WRITE.args(values))
    await announce(db, Topic.RFQS, rfq_id)
    number = number_rfq(rfq_id)
    text = _write_post(number, wish, caller)
    await queue_discord(db, kind="rfq", channel="sourcing", text=text, dedupe_key=f"rfq:{rfq_id}")
    said = say_text(wish.item_description)
    return OpenedRfq(f"I passed your request for {said} to our sourcing team. They will call you back.", number)


def _write_post(number: str, wish: Wish, caller: Caller) -> str:
    facts = [
        ("Quantity", f"{wish.quantity:,}" if wish.quantity else ""),
        ("Target", f"${wish.target_unit_price} each" if wish.target_unit_price is not None else ""),
        ("Needed in", f"{wish.timeline_weeks} weeks" if wish.timeline_weeks else ""),
        ("Specifications", wish.specifications),
        ("Quality", wish.quality_notes),
        ("Notes", wish.additional_notes),
        ("Caller", f"{caller.name} {format_phone(caller.phone)}".strip()),
    ]
    lines = [f"{name}: {fact}" for name, fact in facts if fact]
    return "\n".join([f"{number}: {wish.item_description}", *lines])
