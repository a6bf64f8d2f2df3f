"""The messages of an endpoint as the portal lists them, and resending one or all failed ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.webhooks.deliver import DELIVER_JOB
from domain.webhooks.endpoints import get_endpoint, lock_endpoint
from models import AuditAction, DeliveryState, EventKind, WebhookDelivery

SHOWN = 50


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One message in the list. `body` is its indented JSON."""

    id: int
    kind: str
    subject: str
    state: str
    attempts: int
    last_status: int | None
    last_error: str
    created_at: datetime
    delivered_at: datetime | None
    next_attempt_at: datetime
    body: str


async def list_deliveries(
    db: AsyncSession, endpoint_id: int, *, state: DeliveryState | None = None
) -> Sequence[DeliveryRow]:
    """Return the endpoint's newest fifty messages, all or those in one state."""
    statement = select(WebhookDelivery).where(col(WebhookDelivery.endpoint_id) == endpoint_id)
    if state is not None:
        statement = statement.where(col(WebhookDelivery.state) == state)
    rows = (await db.scalars(statement.order_by(col(WebhookDelivery.id).desc()).limit(SHOWN))).all()
    return [
        DeliveryRow(
            row.id,
            row.kind,
            row.subject,
            row.state,
            row.attempts,
            row.last_status,
            row.last_error,
            row.created_at,
            row.delivered_at,
            row.next_attempt_at,
            orjson.dumps(row.payload, option=orjson.OPT_INDENT_2).decode(),
        )
        for row in rows
    ]


async def replay_delivery(db: AsyncSession, endpoint_id: int, delivery_id: int, *, by: Actor) -> None:
    """Send one message again with the same id, whatever its state. Raises NotFound."""
    if not await _replay(db, endpoint_id, col(WebhookDelivery.id) == delivery_id, by=by):
        raise NotFound("There is no such message.")


async def replay_failed(db: AsyncSession, endpoint_id: int, *, by: Actor) -> int:
    """Send all failed messages again. Returns how many. Raises NotFound."""
    return await _replay(db, endpoint_id, col(WebhookDelivery.state) == DeliveryState.FAILED, by=by)


async def _replay(db: AsyncSession, endpoint_id: int, which: Any, *, by: Actor) -> int:
    endpoint = await lock_endpoint(db, endpoint_id)
    again = (
        update(WebhookDelivery)
        .where(col(WebhookDelivery.endpoint_id) == endpoint_id, which)
        .values(state=DeliveryState.QUEUED, attempts=0, next_attempt_at=now(), delivered_at=None)
        .returning(col(WebhookDelivery.id))
    )
    replayed = len((await db.execute(again)).all())
    if replayed:
        await _deliver_soon(db, endpoint_id)
        await record_audit(
            db,
            action=AuditAction.WEBHOOK_ENDPOINT_REPLAYED,
            record_kind="webhook_endpoint",
            record_id=endpoint_id,
            record_name=endpoint.name,
            after={"messages": replayed},
            by=by,
        )
    return replayed


async def send_test(db: AsyncSession, endpoint_id: int, *, by: Actor) -> None:
    """Send the endpoint a message of kind `test` that says who asked for it. Raises NotFound."""
    endpoint = await get_endpoint(db, endpoint_id)
    at = now()
    payload = {"type": EventKind.TEST.value, "timestamp": at.isoformat(), "data": {"asked_by": by.name}}
    db.add(
        WebhookDelivery(endpoint_id=endpoint.id, kind=EventKind.TEST, subject=f"test:{at.timestamp()}", payload=payload)
    )
    await db.flush()
    await _deliver_soon(db, endpoint.id)


async def _deliver_soon(db: AsyncSession, endpoint_id: int) -> None:
    await enqueue(db, DELIVER_JOB, {"endpoint_id": endpoint_id})
