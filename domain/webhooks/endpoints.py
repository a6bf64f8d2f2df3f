"""The endpoints of outgoing webhooks: administrators create them, turn them off, and rotate their secrets."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.access.crypto import current_data_keys, decrypt, encrypt, newest_prefix
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Filled60, Filled2000, Input
from integrations.webhook_client import SECRET_PREFIX, read_address
from models import AuditAction, DeliveryState, EventKind, Staff, WebhookDelivery, WebhookEndpoint

# How long messages are also signed with the older secret after a rotation.
OVERLAP = timedelta(days=1)
_SECRET_BYTES = 32
CHOSEN_KINDS = tuple(kind for kind in EventKind if kind is not EventKind.TEST)


def _check_url(url: str) -> str:
    try:
        read_address(url)
    except ValueError:
        is_address = False
    else:
        is_address = not set(url) & set(' \\<>"')
    if not is_address:
        raise bad_field("must be a URL that begins with https://")
    return url


class CreateEndpoint(Input):
    """A new endpoint and the kinds of events for which it is notified."""

    name: Filled60
    """The name shown to staff."""
    url: Annotated[Filled2000, AfterValidator(_check_url)]
    """The URL to which messages are posted; https in production."""
    kinds: Annotated[list[EventKind], Field(min_length=1, max_length=len(CHOSEN_KINDS))]
    """The kinds of events for which it is notified."""


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint that was just created or got a new secret. The secret is shown only this once."""

    id: int
    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint in the list, with the numbers of waiting and failed messages."""

    id: int
    name: str
    url: str
    kinds: Sequence[str]
    is_active: bool
    disabled_reason: str
    created_at: datetime
    created_by: str | None
    waiting: int
    failed: int


async def create_endpoint(db: AsyncSession, data: CreateEndpoint, *, needs_https: bool, by: Actor) -> NewEndpoint:
    """Create an endpoint. Raises InvalidInput for plain http if `needs_https`."""
    if needs_https and not data.url.startswith("https://"):
        raise InvalidInput("The URL must begin with https://.", fields={"url": "must begin with https://"})
    endpoint = WebhookEndpoint(
        name=data.name,
        url=data.url,
        kinds=sorted({kind.value for kind in data.kinds}),
        created_by=by.id if by.is_staff else None,
    )
    db.add(endpoint)
    await db.flush()
    secret = _new_secret()
    endpoint.sealed_secret = encrypt(secret, current_data_keys(), _context(endpoint.id))
    await db.flush()
    await _record(
        db, endpoint, AuditAction.WEBHOOK_ENDPOINT_CREATED, by, after={"url": endpoint.url, "kinds": endpoint.kinds}
    )
    return NewEndpoint(endpoint.id, endpoint.name, secret)


async def rotate_secret(db: AsyncSession, endpoint_id: int, *, by: Actor) -> NewEndpoint:
    """Give an endpoint a new secret; the older one also signs for a day. Raises NotFound."""
    endpoint = await lock_endpoint(db, endpoint_id)
    secret = _new_secret()
    endpoint.older_sealed_secret, endpoint.older_until = endpoint.sealed_secret, now() + OVERLAP
    endpoint.sealed_secret = encrypt(secret, current_data_keys(), _context(endpoint.id))
    await db.flush()
    await _record(db, endpoint, AuditAction.WEBHOOK_ENDPOINT_SECRET_ROTATED, by)
    return NewEndpoint(endpoint.id, endpoint.name, secret)


async def set_active(db: AsyncSession, endpoint_id: int, *, is_active: bool, by: Actor) -> WebhookEndpoint:
    """Turn an endpoint off or on. Waiting messages are kept, and are sent once it is on again. Raises NotFound."""
    endpoint = await lock_endpoint(db, endpoint_id)
    if endpoint.is_active is not is_active:
        endpoint.is_active, endpoint.disabled_reason = is_active, ""
        await db.flush()
        action = AuditAction.WEBHOOK_ENDPOINT_ENABLED if is_active else AuditAction.WEBHOOK_ENDPOINT_DISABLED
        await _record(db, endpoint, action, by)
    return endpoint


async def delete_endpoint(db: AsyncSession, endpoint_id: int, *, by: Actor) -> str:
    """Delete an endpoint with its messages and return its name. Raises NotFound."""
    endpoint = await lock_endpoint(db, endpoint_id)
    await _record(
        db, endpoint, AuditAction.WEBHOOK_ENDPOINT_DELETED, by, before={"url": endpoint.url, "kinds": endpoint.kinds}
    )
    await db.delete(endpoint)
    await db.flush()
    return endpoint.name


async def list_endpoints(db: AsyncSession) -> Sequence[EndpointRow]:
    """Return all endpoints, newest first."""

    def count_of(state: DeliveryState) -> Any:
        counted = select(func.count()).where(
            col(WebhookDelivery.endpoint_id) == WebhookEndpoint.id, col(WebhookDelivery.state) == state
        )
        return counted.correlate(WebhookEndpoint).scalar_subquery()

    statement = (
        select(WebhookEndpoint, Staff.full_name, count_of(DeliveryState.QUEUED), count_of(DeliveryState.FAILED))
        .outerjoin(Staff, col(Staff.id) == WebhookEndpoint.created_by)
        .order_by(col(WebhookEndpoint.id).desc())
    )
    return [
        EndpointRow(
            e.id, e.name, e.url, e.kinds, e.is_active, e.disabled_reason, e.created_at, creator, waiting, failed
        )
        for e, creator, waiting, failed in (await db.execute(statement)).all()
    ]


async def get_endpoint(db: AsyncSession, endpoint_id: int) -> WebhookEndpoint:
    """Return one endpoint. Raises NotFound."""
    return _found(await db.get(WebhookEndpoint, endpoint_id))


async def lock_endpoint(db: AsyncSession, endpoint_id: int) -> WebhookEndpoint:
    """Return one endpoint, locked until the transaction ends. Raises NotFound."""
    how: Any = {"key_share": True}  # New messages refer to this row and must not wait for this lock.
    return _found(await db.get(WebhookEndpoint, endpoint_id, with_for_update=how, populate_existing=True))


def open_secrets(endpoint: WebhookEndpoint) -> list[str]:
    """Return the secrets that sign messages now, newest first. Raises UnreadableSecretError without their key."""
    sealed = [endpoint.sealed_secret]
    if endpoint.older_sealed_secret and endpoint.older_until and endpoint.older_until > now():
        sealed.append(endpoint.older_sealed_secret)
    return [decrypt(one, current_data_keys(), _context(endpoint.id)) for one in sealed]


async def rotate_sealed_secrets(db: AsyncSession, keys: Sequence[str]) -> int:
    """Encrypt again all endpoints' secrets that use an older data key. Returns the number of endpoints."""
    newest = newest_prefix(keys)
    is_old = or_(
        ~col(WebhookEndpoint.sealed_secret).startswith(newest),
        ~col(WebhookEndpoint.older_sealed_secret).startswith(newest),
    )
    old = (await db.scalars(select(WebhookEndpoint).where(is_old).with_for_update())).all()
    for endpoint in old:
        context = _context(endpoint.id)
        endpoint.sealed_secret = encrypt(decrypt(endpoint.sealed_secret, keys, context), keys, context)
        if endpoint.older_sealed_secret:
            endpoint.older_sealed_secret = encrypt(decrypt(endpoint.older_sealed_secret, keys, context), keys, context)
    await db.flush()
    return len(old)


async def _record(
    db: AsyncSession,
    endpoint: WebhookEndpoint,
    action: AuditAction,
    by: Actor,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    await record_audit(
        db,
        action=action,
        record_kind="webhook_endpoint",
        record_id=endpoint.id,
        record_name=endpoint.name,
        before=before,
        after=after,
        by=by,
    )


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _context(endpoint_id: int) -> str:
    return f"webhook_endpoint:{endpoint_id}"


def _found(endpoint: WebhookEndpoint | None) -> WebhookEndpoint:
    if endpoint is None:
        raise NotFound("There is no such webhook.")
    return endpoint
