"""The emails and texts about one record with their states, so that staff can answer a customer who asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.errors import NotConfigured
from domain.messages.sending import SAID_STOP, mail_server, twilio_account
from domain.messages.suppression import is_do_not_text
from models import Channel, OutboxMessage
from settings import Settings

MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One message to a customer. `error` says why it was not sent or why it failed."""

    id: int
    channel: str
    kind: str
    recipient: str
    state: str
    error: str
    created_at: datetime
    sent_at: datetime | None


async def list_about_order(db: AsyncSession, order_id: int) -> list[MessageLine]:
    """Return the newest messages about an order."""
    return await _list(db, OutboxMessage.order_id == order_id)


async def list_about_customer(db: AsyncSession, customer_id: int) -> list[MessageLine]:
    """Return the newest messages to a customer."""
    return await _list(db, OutboxMessage.customer_id == customer_id)


async def list_by_key(db: AsyncSession, dedupe_keys: Sequence[str]) -> list[MessageLine]:
    """Return the newest of the messages with these dedupe keys."""
    return await _list(db, OutboxMessage.dedupe_key.in_(dedupe_keys))


async def why_kept(db: AsyncSession, settings: Settings, channel: Channel, to: str) -> str:
    """Return why a message to this address would not be sent, as a sentence; empty if it will be sent."""
    try:
        if channel is Channel.EMAIL:
            mail_server(settings)
        else:
            twilio_account(settings)
    except NotConfigured as missing:
        return missing.message
    return SAID_STOP if channel is Channel.TEXT and await is_do_not_text(db, to) else ""


async def _list(db: AsyncSession, condition: ColumnElement[bool]) -> list[MessageLine]:
    newest = (
        select(
            OutboxMessage.id,
            OutboxMessage.channel,
            OutboxMessage.kind,
            OutboxMessage.recipient,
            OutboxMessage.state,
            OutboxMessage.last_error,
            OutboxMessage.created_at,
            OutboxMessage.sent_at,
        )
        .where(condition)
        .order_by(OutboxMessage.id.desc())
        .limit(MOST_SHOWN)
    )
    return [MessageLine(*row) for row in await db.execute(newest)]
