"""What a caller wants and we don't sell: a request for quotes, sent to the sourcing team at once."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.inputs import Filled2000, Text2000
from domain.kernel.live import Topic, announce
from domain.kernel.phone import format_phone
from domain.messages.outbox import queue_discord
from domain.voice.caller import Caller, find_caller
from domain.voice.inputs import CallerInput, SpokenInt, SpokenMoney
from domain.voice.redact import redact_text
from domain.voice.speech import say_text
from models import Rfq
from models.session import raw_connection

MOST_WEEKS = 520


class OpenRfq(CallerInput):
    """What is wanted, and everything that the caller said about it."""

    item_description: Filled2000
    """What the caller wants."""
    specifications: Text2000 | None = None
    """Sizes, materials, colours."""
    quantity: Annotated[SpokenInt, Field(ge=1, le=100_000_000)] | None = None
    """How many pieces."""
    target_unit_price: SpokenMoney | None = None
    """What one piece may cost, US dollars."""
    quality_notes: Text2000 | None = None
    """What the quality must be."""
    timeline_weeks: Annotated[SpokenInt, Field(ge=1, le=MOST_WEEKS)] | None = None
    """In how many weeks it is needed."""
    delivery_address: Text2000 | None = None
    """Where it goes."""
    additional_notes: Text2000 | None = None
    """Whatever else was said."""


@dataclass(frozen=True, slots=True)
class OpenedRfq:
    """The request's number."""

    message: str
    rfq_number: str
    success: bool = True


async def open_rfq(db: AsyncSession, data: OpenRfq, *, by: Actor) -> OpenedRfq:
    """Open a request and queue the post to the sourcing channel."""
    caller = await find_caller(await raw_connection(db), data.caller)
    rfq = Rfq(
        customer_id=caller.customer_id,
        call_id=data.call_id,
        phone=data.caller,
        item_description=redact_text(data.item_description),
        specifications=redact_text(data.specifications or ""),
        quantity=data.quantity,
        target_unit_price=data.target_unit_price,
        quality_notes=redact_text(data.quality_notes or ""),
        timeline_weeks=data.timeline_weeks,
        delivery_address=redact_text(data.delivery_address or ""),
        additional_notes=redact_text(data.additional_notes or ""),
        actor_name=by.name,
    )
    db.add(rfq)
    await db.flush()
    await queue_discord(db, kind="rfq", channel="sourcing", text=_write_post(rfq, caller), dedupe_key=f"rfq:{rfq.id}")
    await announce(db, Topic.RFQS, rfq.id)
    said = say_text(rfq.item_description)
    return OpenedRfq(f"I passed your request for {said} to our sourcing team. They will call you back.", rfq.rfq_number)


def _write_post(rfq: Rfq, caller: Caller) -> str:
    facts = [
        ("Quantity", f"{rfq.quantity:,}" if rfq.quantity else ""),
        ("Target", f"${rfq.target_unit_price} each" if rfq.target_unit_price is not None else ""),
        ("Needed in", f"{rfq.timeline_weeks} weeks" if rfq.timeline_weeks else ""),
        ("Specifications", rfq.specifications),
        ("Quality", rfq.quality_notes),
        ("Notes", rfq.additional_notes),
        ("Caller", f"{caller.name} {format_phone(caller.phone)}".strip()),
    ]
    lines = [f"{name}: {fact}" for name, fact in facts if fact]
    return "\n".join([f"{rfq.rfq_number}: {rfq.item_description}", *lines])
