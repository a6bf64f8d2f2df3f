"""Forgotten passwords and usernames of staff: answer and work are the same whether or not the account exists.

A link is single-use and expires after an hour. Only the hash of its token is stored.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.forgotten import LINK_SENT, SOMEBODY, ForgotPassword, ForgotUsername, ResetPassword
from domain.access.passwords import hash_password
from domain.access.sessions import end_sessions_of
from domain.access.tokens import hash_token, new_token
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.messages.outbox import Secret, queue_mail
from domain.staff.letters import write_reset, write_username
from domain.staff.notices import send_notice
from domain.staff.second_factor import lock_staff
from domain.staff.users import find_by_name
from models import AuditAction, CodePurpose, OneTimeCode, SessionKind, Staff

LINK_LIFETIME = timedelta(hours=1)
MOST_LINKS = 3


@dataclass(frozen=True, slots=True)
class MailAnswer:
    """The answer in all cases. The debug values are None unless DEBUG_TOKENS is on."""

    message: str
    debug_token: str | None = None
    debug_username: str | None = None
    email_sent: bool = True


async def request_password_reset(
    db: AsyncSession, data: ForgotPassword, *, portal_url: str, shows_token: bool
) -> MailAnswer:
    """Email a link that sets a new password; at most three per hour and account.

    Without an account the same statements run and are rolled back. `portal_url` is the portal's URL without a trailing
    slash.
    """
    staff = await find_by_name(await db.connection(), data.identifier)
    token = new_token()
    sent = await db.scalar(
        select(func.count())
        .select_from(OneTimeCode)
        .where(
            OneTimeCode.target == f"staff:{staff.id if staff is not None else 0}",
            OneTimeCode.purpose == CodePurpose.STAFF_PASSWORD_RESET,
            OneTimeCode.created_at > now() - LINK_LIFETIME,
        )
    )
    goes_out = staff is not None and staff.is_active and staff.email is not None and (sent or 0) < MOST_LINKS
    async with db.begin_nested() as writing:
        db.add(
            OneTimeCode(
                purpose=CodePurpose.STAFF_PASSWORD_RESET,
                code_hash=hash_token(token),
                target=f"staff:{staff.id if staff is not None else 0}",
                staff_id=staff.id if staff is not None else None,
                expires_at=now() + LINK_LIFETIME,
            )
        )
        await db.flush()
        await queue_mail(
            db,
            write_reset(f"{portal_url}/reset?token={token}"),
            to=(staff.email if staff is not None else None) or SOMEBODY,
            secret=Secret(token, now() + LINK_LIFETIME),
        )
        if not goes_out:
            await writing.rollback()
    return MailAnswer(
        LINK_SENT,
        debug_token=token if shows_token and goes_out else None,
    )


async def request_username(db: AsyncSession, data: ForgotUsername, *, portal_url: str, shows_it: bool) -> MailAnswer:
    """Email the username of an account by its email; without one the same statements run and are rolled back."""
    staff = (
        await db.execute(select(Staff.username, Staff.is_active).where(func.lower(Staff.email) == data.email.lower()))
    ).first()
    goes_out = staff is not None and staff.is_active
    async with db.begin_nested() as writing:
        username = staff.username if staff is not None else "-"
        await queue_mail(db, write_username(username, portal_url), to=data.email)
        if not goes_out:
            await writing.rollback()
    return MailAnswer(
        "If a staff account has that email, we have sent its username.",
        debug_username=staff.username if staff is not None and shows_it and goes_out else None,
    )


async def reset_password(db: AsyncSession, data: ResetPassword) -> None:
    """Set a new password with an emailed token; ends all sessions and invalidates other links of the account.

    Raises InvalidInput for a token that is unknown, used or older than an hour. Locks the code's row, so that a token
    used twice at once works once.
    """
    password_hash = await hash_password(data.password)
    code = await db.scalar(
        select(OneTimeCode)
        .where(
            OneTimeCode.code_hash == hash_token(data.token),
            OneTimeCode.purpose == CodePurpose.STAFF_PASSWORD_RESET,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.expires_at > now(),
        )
        .with_for_update()
    )
    if code is None or code.staff_id is None:
        raise _bad_token()
    staff = await lock_staff(db, code.staff_id)
    if not staff.is_active:
        raise _bad_token()
    staff.password_hash = password_hash
    staff.failed_sign_ins, staff.locked_until = 0, None
    staff.updated_at = now()
    await db.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.staff_id == staff.id,
            OneTimeCode.purpose == CodePurpose.STAFF_PASSWORD_RESET,
            OneTimeCode.used_at.is_(None),
        )
        .values(used_at=now())
    )
    await end_sessions_of(db, SessionKind.STAFF, code.staff_id)
    await record_audit(
        db,
        action=AuditAction.STAFF_PASSWORD_RESET,
        record_kind="staff",
        record_id=staff.id,
        record_name=staff.username,
        note="By an emailed link",
        by=Actor(ActorKind.STAFF, staff.id, staff.full_name or staff.username),
    )
    await send_notice(db, staff.email, "The password of your account was reset by an emailed link.")


def _bad_token() -> InvalidInput:
    return InvalidInput(
        "This link no longer works. Ask for a new one.",
        code=Code.INVALID_TOKEN,
        fields={"token": "is unknown, used or older than an hour"},
    )
