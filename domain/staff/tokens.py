"""Staff JWTs for other domains: HS256, one hour, with audience, jti and revocation; keys can be rotated."""

from datetime import timedelta
from typing import Any

import jwt
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.tokens import new_token
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.whole_numbers import read_id
from models import LoginSession, RevokedToken, Role, Staff

AUDIENCE = "ladle-staff"
ISSUER = "ladle"
LIFETIME = timedelta(hours=1)


def issue_staff_token(secret_key: str, staff_id: int, session_id: int) -> str:
    """Return a signed token for one colleague that ends with its session, or after an hour."""
    issued_at = now()
    claims = {
        "sub": str(staff_id),
        "sid": session_id,
        "aud": AUDIENCE,
        "iss": ISSUER,
        "jti": new_token(),
        "iat": issued_at,
        "exp": issued_at + LIFETIME,
    }
    return jwt.encode(claims, _current_key(secret_key), algorithm="HS256")


def read_staff_token(secret_key: str, token: str) -> dict[str, Any] | None:
    """Return the token's claims if it is ours, unexpired and signed by a current or retired key; otherwise None.

    The time of issue is not compared: the clock of another machine may be ahead of ours.
    """
    for key in _keys(secret_key):
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["HS256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "jti", "sub", "sid"], "verify_iat": False},
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, RecursionError):
            return None
        return claims if _names_ids(claims) else None
    return None


def _names_ids(claims: dict[str, Any]) -> bool:
    """Return True if the ids of the colleague and the session are possible row ids."""
    names = str(claims["sub"]), str(claims["sid"])
    return all(read_id(name) is not None for name in names)


async def find_token_actor(connection: AsyncConnection, claims: dict[str, Any]) -> Actor | None:
    """Return this token's colleague if active, with an open session and a token that is not revoked; otherwise None."""
    row = (
        await connection.execute(
            select(Staff.id, Staff.username, Staff.full_name, Staff.role, Staff.totp_confirmed_at.is_not(None))
            .join(LoginSession, LoginSession.staff_id == Staff.id)
            .where(
                Staff.id == int(claims["sub"]),
                Staff.is_active,
                LoginSession.id == int(claims["sid"]),
                LoginSession.ended_at.is_(None),
                ~exists().where(RevokedToken.jti == str(claims["jti"])),
            )
        )
    ).first()
    if row is None:
        return None
    staff_id, username, full_name, role, has_factor = row
    name = full_name or username
    session_id = int(claims["sid"])
    return Actor(ActorKind.STAFF, staff_id, name, Role(role), session_id, has_second_factor=has_factor)


async def revoke_token(db: AsyncSession, claims: dict[str, Any]) -> None:
    """Revoke a token. Repeating it changes nothing."""
    expires_at = now() + LIFETIME
    await db.execute(
        insert(RevokedToken)
        .values(jti=str(claims["jti"]), staff_id=int(claims["sub"]), expires_at=expires_at)
        .on_conflict_do_nothing()
    )


def _keys(secret_key: str) -> list[str]:
    """SECRET_KEY may list several keys, newest first, so that rotating them invalidates no token."""
    return [key.strip() for key in secret_key.split(",") if key.strip()]


def _current_key(secret_key: str) -> str:
    return _keys(secret_key)[0]
