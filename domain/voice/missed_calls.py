"""Fetches calls that ElevenLabs knows and we don't, every night, since a webhook may have been lost or turned off."""

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

# Calls are requested from a little before the last one received, because they do not end in the order in which they
# began.
OVERLAP = timedelta(days=1)
LONGEST = timedelta(days=30)
# Without any call, a new installation does not request its account's whole history.
FIRST = timedelta(days=3)


async def fetch_missed_calls(settings: Settings) -> int:
    """Request the calls since the last one, and store those whose event never arrived. Returns how many.

    They are processed like the webhook's events, so an event that still arrives later changes nothing. Raises
    NotConfigured without an API key, and ServiceFailed.
    """
    if not settings.elevenlabs_api_key:
        raise NotConfigured("Missed calls are not fetched: the setting ELEVENLABS_API_KEY is missing.")
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
            continue  # it was deleted in the meantime
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
    """Return the conversations whose event never arrived, oldest first."""
    names = {name_event(conversation_id, TRANSCRIPTION): conversation_id for conversation_id in reversed(listed)}
    known = await db.scalars(
        select(WebhookEvent.event_id).where(WebhookEvent.provider == PROVIDER, WebhookEvent.event_id.in_(names))
    )
    came = set(known)
    return [conversation_id for name, conversation_id in names.items() if name not in came]
