"""Whether a caller has proven that a phone is theirs, with an unused phone session token."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.tokens import hash_token
from domain.kernel.phone import parse_phone
from models import CodePurpose, OneTimeCode


async def is_proven_phone(connection: AsyncConnection, phone: str, token: str | None) -> bool:
    """Return True if `token` is an open phone session for exactly this number; checking does not use it up."""
    if not token:
        return False
    statement = select(func.count()).where(
        OneTimeCode.code_hash == hash_token(token),
        OneTimeCode.purpose == CodePurpose.PHONE_SESSION,
        OneTimeCode.target == parse_phone(phone),
        OneTimeCode.used_at.is_(None),
        OneTimeCode.expires_at > func.now(),
    )
    return bool((await connection.execute(statement)).scalar_one())
