"""API keys for programs: `ldl_<prefix>_<secret>`, found by prefix, kept as SHA-256, named, scoped and revocable."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actor import Actor, ActorKind
from domain.clock import now
from domain.tokens import hash_token, is_same_secret
from models import ApiKey

KEY_PREFIX = "ldl"
NOTE_USE_EVERY = timedelta(minutes=1)


async def find_key_actor(connection: AsyncConnection, key: str) -> Actor | None:
    """The program that holds this key, with its scopes; None for a wrong or revoked one.

    The last use is noted at most once a minute.
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
