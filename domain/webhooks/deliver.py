"""Sends the waiting messages of one endpoint: at least once, in order for each subject, with retries.

A message being sent is leased: its next attempt is set one minute ahead, so that neither a second worker nor a worker
after a crash takes it at once. A later message about the same subject waits until the earlier one was delivered or has
failed. Only one run at a time sends for an endpoint, so that an endpoint that hangs keeps only one worker busy. The
pauses are those recommended by Standard Webhooks.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import RowMapping, text, update
from sqlmodel import col

from domain.access.crypto import UnreadableSecretError
from domain.jobs.enqueue import enqueue
from domain.kernel.clock import now
from domain.webhooks.endpoints import open_secrets
from integrations.errors import ServiceFailed, ServiceRefused
from integrations.webhook_client import WebhookSender, open_sender
from models import DeliveryState, WebhookDelivery, WebhookEndpoint
from models.session import current_database, separate_transaction
from settings import Settings

DELIVER_JOB = "deliver_webhooks"
AT_ONCE = 10
# One run of the job ends after this time, so that no endpoint occupies a worker; the next run continues.
LONGEST_RUN_SECONDS = 50.0
LEASE = timedelta(minutes=1)
# After this time, another run replaces one whose worker died.
RUN_LEASE = timedelta(minutes=2)
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# Due now, and the earliest queued message about its subject.
_IS_DUE = """
d.state = 'queued' AND d.next_attempt_at <= now() AND NOT EXISTS (
  SELECT FROM webhook_delivery AS earlier
  WHERE earlier.endpoint_id = d.endpoint_id AND earlier.subject = d.subject AND earlier.state = 'queued'
    AND earlier.id < d.id
)
"""
_CLAIM = text(f"""
WITH due AS (
  SELECT d.id FROM webhook_delivery AS d WHERE d.endpoint_id = :endpoint_id AND {_IS_DUE}
  ORDER BY d.next_attempt_at LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE webhook_delivery AS d SET next_attempt_at = now() + :lease FROM due WHERE d.id = due.id
RETURNING d.id, d.payload, d.attempts
""")  # noqa: S608 - the text above
_BEGIN = text(f"""
UPDATE webhook_endpoint AS e SET busy_until = now() + :lease
WHERE e.id = :endpoint_id AND e.is_active AND coalesce(e.busy_until <= now(), true)
  AND EXISTS (SELECT FROM webhook_delivery AS d WHERE d.endpoint_id = e.id AND {_IS_DUE})
RETURNING e.id
""")  # noqa: S608 - the text above
_DUE_ENDPOINTS = text(f"""
SELECT e.id FROM webhook_endpoint AS e
WHERE e.is_active AND EXISTS (SELECT FROM webhook_delivery AS d WHERE d.endpoint_id = e.id AND {_IS_DUE})
""")  # noqa: S608 - the text above


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt, and how long to wait before the next one."""

    state: DeliveryState
    error: str = ""
    pause: timedelta = timedelta(0)


async def deliver_to(endpoint_id: int, settings: Settings) -> dict[str, int]:
    """Send what is due for one endpoint, ten at a time, for at most a minute. Returns how many were delivered and how
    many were not.

    Does nothing while another run sends for this endpoint. That run checks once more before it ends, so that a message
    committed in the meantime does not wait.
    """
    clock = asyncio.get_running_loop().time
    ends_at, counted = clock() + LONGEST_RUN_SECONDS, {"delivered": 0, "put_off": 0}
    async with open_sender(may_be_inside=not settings.is_production) as sender:
        while clock() < ends_at and await _begin(endpoint_id):
            try:
                await _deliver_due(sender, endpoint_id, counted, until=ends_at)
            finally:
                await _set_idle(endpoint_id)
    return counted


async def _deliver_due(sender: WebhookSender, endpoint_id: int, counted: dict[str, int], *, until: float) -> None:
    clock = asyncio.get_running_loop().time
    while clock() < until:
        endpoint = await _find_active(endpoint_id)
        claimed = await _claim(endpoint_id) if endpoint is not None else []
        if endpoint is None or not claimed:
            return
        outcomes = await asyncio.gather(*(_deliver(sender, endpoint, message) for message in claimed))
        arrived = sum(outcome.state is DeliveryState.DELIVERED for outcome in outcomes)
        counted["delivered"] += arrived
        counted["put_off"] += len(outcomes) - arrived


async def _begin(endpoint_id: int) -> bool:
    """Claim the endpoint for this run. Returns False if another run has it, it is off, or nothing is due."""
    async with separate_transaction() as db:
        return await db.scalar(_BEGIN, {"endpoint_id": endpoint_id, "lease": RUN_LEASE}) is not None


async def _set_idle(endpoint_id: int) -> None:
    change = update(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint_id).values(busy_until=None)
    async with separate_transaction() as db:
        await db.execute(change)


async def _find_active(endpoint_id: int) -> WebhookEndpoint | None:
    async with current_database().session() as db:
        endpoint = await db.get(WebhookEndpoint, endpoint_id)
    return endpoint if endpoint is not None and endpoint.is_active else None


async def queue_due_deliveries() -> int:
    """Enqueue a job for each endpoint with messages due. Returns the number of endpoints."""
    async with separate_transaction() as db:
        due = (await db.scalars(_DUE_ENDPOINTS)).all()
        for endpoint_id in due:
            await enqueue(db, DELIVER_JOB, {"endpoint_id": endpoint_id}, dedupe_key=f"webhooks:{endpoint_id}")
    return len(due)


async def _claim(endpoint_id: int) -> list[RowMapping]:
    values = {"endpoint_id": endpoint_id, "most": AT_ONCE, "lease": LEASE}
    async with separate_transaction() as db:
        return list((await db.execute(_CLAIM, values)).mappings().all())


async def _deliver(sender: WebhookSender, endpoint: WebhookEndpoint, message: RowMapping) -> Outcome:
    outcome, status = await _send(sender, endpoint, message)
    changes: dict[str, Any] = {
        "state": outcome.state,
        "attempts": message["attempts"] + 1,
        "last_status": status,
        "last_error": outcome.error[:500].replace("\0", ""),
        "next_attempt_at": now() + outcome.pause,
        "delivered_at": now() if outcome.state is DeliveryState.DELIVERED else None,
    }
    async with separate_transaction() as db:
        await db.execute(update(WebhookDelivery).where(col(WebhookDelivery.id) == message["id"]).values(changes))
    return outcome


async def _send(sender: WebhookSender, endpoint: WebhookEndpoint, message: RowMapping) -> tuple[Outcome, int | None]:
    try:
        status = await sender.send(
            endpoint.url,
            orjson.dumps(message["payload"]),
            message_id=f"msg_{message['id']}",
            timestamp=int(now().timestamp()),
            secrets=open_secrets(endpoint),
        )
    except (ServiceRefused, UnreadableSecretError) as error:
        await _disable(endpoint.id, str(error))
        return Outcome(DeliveryState.QUEUED, str(error)), None
    except ServiceFailed as error:
        return _put_off(message["attempts"], error), None
    return Outcome(DeliveryState.DELIVERED), status


def _put_off(attempts: int, error: ServiceFailed) -> Outcome:
    if attempts >= len(PAUSES):
        return Outcome(DeliveryState.FAILED, str(error))
    return Outcome(DeliveryState.QUEUED, str(error), max(PAUSES[attempts], timedelta(seconds=error.wait_seconds)))


async def _disable(endpoint_id: int, reason: str) -> None:
    """Turn off an endpoint that does not accept messages; waiting messages are kept until it is turned on again."""
    change = update(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint_id)
    async with separate_transaction() as db:
        await db.execute(change.values(is_active=False, disabled_reason=reason[:500]))
