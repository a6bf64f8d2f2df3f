"""Sign-in sessions of customers and staff, as rows: whatever must end a session ends it at its next request."""

from datetime import datetime, timedelta

import asyncpg
from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.tokens import hash_token, new_token
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.live import Topic, announce_many
from models import LoginSession, Role, SessionKind

STAFF_IDLE = timedelta(hours=12)
CUSTOMER_LIFETIME = timedelta(days=30)
TOUCH_EVERY = timedelta(minutes=1)

# On asyncpg's own connection, since each request of a signed-in user begins with one of these: doing so through
# SQLAlchemy took a third of the CPU time of a request for a block that is already rendered.
_FIND_STAFF = """
SELECT session.id, last_seen_at, staff.id, username, full_name, role, totp_confirmed_at IS NOT NULL
FROM login_session AS session JOIN staff ON staff.id = session.staff_id
WHERE token_hash = $1 AND ended_at IS NULL AND session.expires_at > now() AND staff.is_active
"""
_FIND_CUSTOMER = """
SELECT session.id, last_seen_at, customer.id, username, company_name
FROM login_session AS session JOIN customer ON customer.id = session.customer_id
WHERE token_hash = $1 AND ended_at IS NULL AND session.expires_at > now() AND customer.is_active
"""
_TOUCH = "UPDATE login_session SET last_seen_at = $2, expires_at = coalesce($3, expires_at) WHERE id = $1"


async def open_session(
    db: AsyncSession,
    kind: SessionKind,
    subject_id: int,
    *,
    address: str = "",
    user_agent: str = "",
    replaced: str | None = None,
) -> str:
    """Write the row of a new session and return the random id for the cookie. Ends the session that the same browser
    had until now: `replaced` is the id in its cookie."""
    if replaced:
        await _end(db, and_(LoginSession.kind == kind, LoginSession.token_hash == hash_token(replaced)))
    token = new_token()
    lifetime = STAFF_IDLE if kind is SessionKind.STAFF else CUSTOMER_LIFETIME
    db.add(
        LoginSession(
            token_hash=hash_token(token),
            kind=kind,
            staff_id=subject_id if kind is SessionKind.STAFF else None,
            customer_id=subject_id if kind is SessionKind.CUSTOMER else None,
            address=address,
            user_agent=user_agent[:300],
            expires_at=now() + lifetime,
        )
    )
    await db.flush()
    return token


async def find_staff_session(connection: asyncpg.Connection, token: str) -> Actor | None:
    """Return the holder of this staff session id, if the session is open and the colleague active."""
    row = await connection.fetchrow(_FIND_STAFF, hash_token(token))
    if row is None:
        return None
    session_id, last_seen_at, staff_id, username, full_name, role, has_factor = row
    await _touch(connection, session_id, last_seen_at, STAFF_IDLE)
    name = full_name or username
    return Actor(ActorKind.STAFF, staff_id, name, Role(role), session_id, has_second_factor=has_factor)


async def find_customer_session(connection: asyncpg.Connection, token: str) -> Actor | None:
    """Return the holder of this customer session id, if the session is open and the account active."""
    row = await connection.fetchrow(_FIND_CUSTOMER, hash_token(token))
    if row is None:
        return None
    session_id, last_seen_at, customer_id, username, company_name = row
    await _touch(connection, session_id, last_seen_at, None)
    return Actor(ActorKind.CUSTOMER, customer_id, company_name or username, None, session_id)


async def _touch(
    connection: asyncpg.Connection, session_id: int, last_seen_at: datetime, idle: timedelta | None
) -> None:
    """Record the use of a session at most once per minute, extending an idle limit."""
    at = now()
    if at - last_seen_at >= TOUCH_EVERY:
        await connection.execute(_TOUCH, session_id, at, at + idle if idle else None)


async def is_open(connection: AsyncConnection, session_id: int) -> bool:
    """True while a session has neither ended nor expired."""
    found = select(LoginSession.id).where(
        LoginSession.id == session_id, LoginSession.ended_at.is_(None), LoginSession.expires_at > func.now()
    )
    return await connection.scalar(found) is not None


async def end_session(db: AsyncSession, session_id: int) -> None:
    """End one session, with its live pages."""
    await _end(db, LoginSession.id == session_id)


async def end_sessions_of(
    db: AsyncSession, kind: SessionKind, subject_id: int, *, except_session_id: int | None = None
) -> int:
    """End every session of one person, except the current one if given; return how many ended."""
    owner = LoginSession.staff_id if kind is SessionKind.STAFF else LoginSession.customer_id
    return await _end(db, and_(owner == subject_id, LoginSession.id != (except_session_id or 0)))


async def _end(db: AsyncSession, which: ColumnElement[bool]) -> int:
    ended = await db.execute(
        update(LoginSession)
        .where(which, LoginSession.ended_at.is_(None))
        .values(ended_at=now())
        .returning(LoginSession.id, LoginSession.kind)
    )
    rows = ended.all()
    if of_staff := [row.id for row in rows if row.kind == SessionKind.STAFF]:
        await announce_many(db, Topic.SESSIONS, of_staff)
    return len(rows)
