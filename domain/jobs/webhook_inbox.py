"""Events from outside services: stored once by the service's event id, then processed by a job.

They arrive in any order and any number of times, and must result in the same end state. The code that handles a
service's events registers one function with `processes`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import WebhookEvent
from models.session import raw_connection, separate_transaction

PROCESS_JOB = "process_webhook"
Processor = Callable[[AsyncSession, WebhookEvent], Awaitable[None]]

_processors: dict[str, Processor] = {}

_STORE = """
WITH event AS (
  INSERT INTO webhook_event (provider, event_id, kind, payload) VALUES ($1, $2, $3, $4::jsonb)
  ON CONFLICT (provider, event_id) DO NOTHING RETURNING id
)
SELECT enqueue_job($5, jsonb_build_object('event_id', id)) FROM event
"""


def processes(provider: str) -> Callable[[Processor], Processor]:
    """Register the function that processes a provider's events, each in its own transaction, maybe repeatedly."""

    def register(processor: Processor) -> Processor:
        _processors[provider] = processor
        return processor

    return register


async def store_event(db: AsyncSession, provider: str, event_id: str, kind: str, payload: dict[str, Any]) -> bool:
    """Store a verified event and the job that processes it. Returns False if it was already received."""
    connection = await raw_connection(db)
    body = orjson.dumps(payload).decode()
    return await connection.fetchval(_STORE, provider, event_id, kind, body, PROCESS_JOB) is not None


async def process_event(event_id: int) -> bool:
    """Process one event, once. Returns False if it was already processed or its provider has no function."""
    try:
        async with separate_transaction() as db:
            event = await db.scalar(select(WebhookEvent).where(WebhookEvent.id == event_id).with_for_update())
            if event is None or event.processed_at is not None:
                return False
            processor = _processors.get(event.provider)
            if processor is not None:
                await processor(db, event)
            event.processed_at, event.last_error = now(), ""
            event.attempts += 1
            return processor is not None
    except Exception as error:
        await _note_failure(event_id, str(error) or type(error).__name__)
        raise


async def _note_failure(event_id: int, error: str) -> None:
    async with separate_transaction() as db:
        await db.execute(
            update(WebhookEvent)
            .where(WebhookEvent.id == event_id)
            .values(attempts=WebhookEvent.attempts + 1, last_error=error[:2000].replace("\0", ""))
        )
