"""Calls that ElevenLabs knows and we don't: asked for at night, since a webhook may have been lost or switched off."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.webhook_inbox import store_event
from domain.kernel.clock import now
from domain.kernel.errors import NotConfigured
from domain.kernel.inputs import has_nul
from domain.voice.elevenlabs import PROVIDER, TRANSCRIPTION, name_event, redact_data
from integrations.elevenlabs_client import ElevenLabsAccount, fetch_conversation, list_conversations
from integrations.errors import ServiceRefused
from models import CallLog, WebhookEvent
from models.session import current_database, separate_transaction
from settings import Settings

# The last call that came in says from when on to ask; a little earlier, since calls end in another order.
OVERLAP = timedelta(days=1)
LONGEST = timedelta(days=30)
# With no call at all a new account is not asked for all that it ever had.
FIRST = timedelta(days=3)


async def fetch_missed_calls(settings: Settings) -> int:
    """Ask for the calls since the last one and keep those whose event never came; returns how many those were.

    They go the way of the webhook's events, so one that still comes later changes nothing. Raises NotConfigured without
    a key, and ServiceFailed.
    """
    if not settings.elevenlabs_api_key:
        raise NotConfigured("Missed calls are not asked for: the setting ELEVENLABS_API_KEY is missing.")
    account = ElevenLabsAccount(settings.elevenlabs_api_key, settings.elevenlabs_api_base)
    async with current_database().session() as db:
        since = await _since(db)
    listed = await list_conversations(account, since=since)
    async with current_database().session() as db:
        missing = await _list_missing(db, listed)
    kept = 0
    for conversation_id in missing:
        try:
            data = await fetch_conversation(account, conversation_id)
        except ServiceRefused:
            continue  # it was deleted meanwhile
        if has_nul(data):
            continue
        kept_data = await asyncio.to_thread(redact_data, data) | {"conversation_id": conversation_id}
        event = {"type": TRANSCRIPTION, "data": kept_data}
        async with separate_transaction() as db:
            kept += await store_event(db, PROVIDER, name_event(conversation_id, TRANSCRIPTION), TRANSCRIPTION, event)
    return kept


async def _since(db: AsyncSession) -> datetime:
    newest = await db.scalar(select(func.max(CallLog.started_at)).where(CallLog.provider == PROVIDER))
    asked = newest - OVERLAP if newest else now() - FIRST
    return max(asked, now() - LONGEST)


async def _list_missing(db: AsyncSession, listed: Sequence[str]) -> list[str]:
    """Those of the conversations whose event never came, the oldest first."""
    names = {name_event(conversation_id, TRANSCRIPTION): conversation_id for conversation_id in reversed(listed)}
    known = await db.scalars(
        select(WebhookEvent.event_id).where(WebhookEvent.provider == PROVIDER, WebhookEvent.event_id.in_(names))
    )
    came = set(known)
    return [conversation_id for name, conversation_id in names.items() if name not in came]
