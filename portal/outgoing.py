"""How pages describe emails and texts: sent only once they left; otherwise kept, queued or failed."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from documents.filters import show_phone
from domain.access.rights import Right
from domain.messages.about import list_about_customer, why_kept
from models import Channel
from portal.customers.tabs import Card, register_card
from portal.render import doubt_toast
from web.request import db, settings


async def say_leaving(channel: Channel, to: str, *, plural: bool = False) -> str:
    """The end of a toast about a new message: queued, or kept and why; that toast is a warning."""
    verb = "are" if plural else "is"
    if why := await why_kept(db(), settings(), channel, to):
        doubt_toast()
        return f"{verb} kept in the outbox, not sent: {why}"
    return f"{verb} queued for {show_phone(to) if channel is Channel.TEXT else to}" if to else f"{verb} queued"


async def _load(session: AsyncSession, customer_id: int) -> Any:
    return await list_about_customer(session, customer_id)


register_card(Card("messages", Right.SEE_CUSTOMERS, "customers/messages_card.html", _load, 60))
