"""What colleagues change about their own account: the password, and the sessions in which they are signed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.attempts import reserve_own_attempt
from domain.access.passwords import NewPasswordIn, hash_password, verify_password
from domain.access.sessions import end_session, end_sessions_of
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.inputs import Input, PasswordIn
from domain.staff.notices import send_notice
from domain.staff.second_factor import lock_staff
from domain.staff.users import get_staff
from models import AuditAction, LoginSession, SessionKind, Staff


class ChangePassword(Input):
    """The current password, and the new one twice."""

    current_password: PasswordIn
    new_password: NewPasswordIn
    confirm_password: PasswordIn


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One signed-in browser as its owner sees it."""

    id: int
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


async def get_profile(db: AsyncSession, *, by: Actor) -> Staff:
    """Return the actor's own account."""
    return await get_staff(db, _own_id(by))


async def change_password(db: AsyncSession, data: ChangePassword, *, by: Actor) -> None:
    """Set the actor's password; ends every other session.

    Raises InvalidInput naming the wrong field, and TooMany after ten wrong attempts at the current password.
    """
    if data.new_password != data.confirm_password:
        raise InvalidInput(
            "The two new passwords differ.",
            code=Code.PASSWORDS_DIFFER,
            fields={"confirm_password": "differs from the new password"},
        )
    await reserve_own_attempt(Staff, _own_id(by))
    kept_hash = (await get_staff(db, _own_id(by))).password_hash
    if not await verify_password(kept_hash, data.current_password):
        raise InvalidInput(
            "The current password is wrong.",
            code=Code.WRONG_PASSWORD,
            fields={"current_password": "is not your current password"},
        )
    new_hash = await hash_password(data.new_password)
    staff = await lock_staff(db, _own_id(by))
    staff.password_hash = new_hash
    staff.failed_sign_ins, staff.locked_until = 0, None
    staff.updated_at = now()
    await db.flush()
    await end_sessions_of(db, SessionKind.STAFF, _own_id(by), except_session_id=by.session_id)
    await record_audit(
        db,
        action=AuditAction.STAFF_PASSWORD_CHANGED,
        record_kind="staff",
        record_id=staff.id,
        record_name=staff.username,
        by=by,
    )
    await send_notice(db, staff.email, "The password of your account was changed.")


async def list_own_sessions(db: AsyncSession, *, by: Actor) -> Sequence[OpenSession]:
    """Return the actor's sessions: the current one first, then the last used."""
    rows = await db.execute(
        select(
            LoginSession.id,
            LoginSession.address,
            LoginSession.user_agent,
            LoginSession.created_at,
            LoginSession.last_seen_at,
        )
        .where(LoginSession.staff_id == _own_id(by), LoginSession.ended_at.is_(None), LoginSession.expires_at > now())
        .order_by((LoginSession.id == by.session_id).desc(), LoginSession.last_seen_at.desc(), LoginSession.id.desc())
        .limit(100)
    )
    return [OpenSession(**row, is_this=row["id"] == by.session_id) for row in rows.mappings()]


async def end_own_session(db: AsyncSession, session_id: int, *, by: Actor) -> None:
    """End one of the actor's sessions. Raises NotFound if it is not theirs."""
    is_own = await db.scalar(
        select(exists().where(LoginSession.id == session_id, LoginSession.staff_id == _own_id(by)))
    )
    if not is_own:
        raise NotFound("There is no such session.")
    await end_session(db, session_id)


async def end_other_sessions(db: AsyncSession, *, by: Actor) -> int:
    """End all of the actor's sessions except the current one. Returns how many."""
    return await end_sessions_of(db, SessionKind.STAFF, _own_id(by), except_session_id=by.session_id)


def _own_id(by: Actor) -> int:
    if not by.is_staff or by.id is None:
        raise NotFound("Only staff have a profile here.")
    return by.id
