"""API keys for programs: `ldl_<prefix>_<secret>`, found by prefix, stored as SHA-256, named, scoped and revocable."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.tokens import hash_token, is_same_secret, new_token
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Filled60, Input
from models import ApiKey, AuditAction, KeyScope, Staff

KEY_PREFIX = "ldl"
# The default scopes of a key. Adding products by program must be requested explicitly.
USUAL_SCOPES = frozenset(KeyScope) - {KeyScope.CATALOGUE}
NOTE_USE_EVERY = timedelta(minutes=1)
PREFIX_BYTES = 5


class CreateApiKey(Input):
    """The name of a key, which never changes, and its scopes."""

    name: Filled60
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=len(KeyScope))]


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A new key. `key` is the secret itself, which is not stored."""

    id: int
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """A key in the list: everything except the secret."""

    id: int
    name: str
    prefix: str
    scopes: Sequence[str]
    created_at: datetime
    created_by: str | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def shown_prefix(self) -> str:
        """The beginning by which a key is recognised."""
        return f"{KEY_PREFIX}_{self.prefix}_…"


async def find_key_actor(connection: AsyncConnection, key: str) -> Actor | None:
    """Return the program with this key, with its scopes; None for a wrong or revoked key.

    `last_used_at` is updated at most once a minute.
    """
    parts = key.split("_", 2)
    if len(parts) != 3 or parts[0] != KEY_PREFIX:
        return None
    row = (
        await connection.execute(
            select(ApiKey.id, ApiKey.name, ApiKey.key_hash, ApiKey.scopes, ApiKey.last_used_at).where(
                ApiKey.prefix == parts[1], ApiKey.revoked_at.is_(None)
            )
        )
    ).first()
    if row is None or not is_same_secret(row.key_hash, hash_token(key)):
        return None
    at = now()
    if row.last_used_at is None or at - row.last_used_at > NOTE_USE_EVERY:
        await connection.execute(update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=at))
    return Actor(ActorKind.API_KEY, row.id, row.name, scopes=frozenset(row.scopes))


async def create_api_key(db: AsyncSession, data: CreateApiKey, *, by: Actor) -> NewApiKey:
    """Create a key for a program and return it, only this once. Raises Refused for a name that was ever used."""
    prefix = secrets.token_hex(PREFIX_BYTES)
    key = f"{KEY_PREFIX}_{prefix}_{new_token()}"
    scopes = sorted({scope.value for scope in data.scopes})
    key_id = await db.scalar(
        insert(ApiKey)
        .values(
            name=data.name,
            prefix=prefix,
            key_hash=hash_token(key),
            scopes=scopes,
            created_by=by.id if by.is_staff else None,
            created_at=now(),
        )
        .on_conflict_do_nothing(index_elements=[ApiKey.name])
        .returning(ApiKey.id)
    )
    if key_id is None:
        raise Refused(
            f"A key named {data.name} exists or existed before. Choose another name.",
            code=Code.NAME_TAKEN,
            fields={"name": "belongs or belonged to another key"},
        )
    await record_audit(
        db,
        action=AuditAction.API_KEY_CREATED,
        record_kind="api_key",
        record_id=key_id,
        record_name=data.name,
        after={"scopes": scopes},
        by=by,
    )
    return NewApiKey(key_id, data.name, key)


async def list_api_keys(db: AsyncSession) -> Sequence[ApiKeyRow]:
    """Return all keys: valid ones first, then newest first."""
    rows = await db.execute(_LISTED.order_by(ApiKey.revoked_at.desc().nulls_first(), ApiKey.id.desc()))
    return [ApiKeyRow(**row) for row in rows.mappings()]


async def get_api_key(db: AsyncSession, key_id: int) -> ApiKeyRow:
    """Return one key. Raises NotFound."""
    row = (await db.execute(_LISTED.where(ApiKey.id == key_id))).mappings().first()
    if row is None:
        raise NotFound("There is no such API key.")
    return ApiKeyRow(**row)


async def revoke_api_key(db: AsyncSession, key_id: int, *, by: Actor) -> ApiKeyRow:
    """Revoke a key for good, from its next request on. Repeating it changes nothing. Raises NotFound."""
    key = await get_api_key(db, key_id)
    revoked = await db.scalar(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(ApiKey.id)
    )
    if revoked is not None:
        await record_audit(
            db, action=AuditAction.API_KEY_REVOKED, record_kind="api_key", record_id=key_id, record_name=key.name, by=by
        )
    return key


_LISTED = select(
    ApiKey.id,
    ApiKey.name,
    ApiKey.prefix,
    ApiKey.scopes,
    ApiKey.created_at,
    Staff.username.label("created_by"),
    ApiKey.last_used_at,
    ApiKey.revoked_at,
).outerjoin(Staff, Staff.id == ApiKey.created_by)
