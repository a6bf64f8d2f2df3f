"""Changes a colleague's own email: it takes effect by an emailed link; the old address can undo it for 7 days."""

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.email_change import (
    EmailCode,
    EmailLink,
    Owner,
    bad_email_link,
    find_email_code,
    issue_email_code,
    use_email_code,
    void_later_email_codes,
)
from domain.access.sessions import end_sessions_of
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.kernel.inputs import EmailIn, Input
from domain.messages.outbox import Secret, queue_mail
from domain.staff.letters import write_email_undo, write_new_email
from domain.staff.second_factor import lock_staff
from domain.staff.users import email_taken
from models import AuditAction, CodePurpose, OneTimeCode, SessionKind, Staff


class ChangeEmail(Input):
    """The new email."""

    new_email: EmailIn


async def ask_for_new_email(db: AsyncSession, data: ChangeEmail, *, portal_url: str, by: Actor) -> bool:
    """Email a link to the new address, and a link that undoes the change to the old one. Returns False if it is
    unchanged.

    Raises Refused if a colleague has this email. Nothing changes until the link is opened.
    """
    if not by.is_staff or by.id is None:
        raise NotFound("Only staff have a profile here.")
    staff = await lock_staff(db, by.id)
    email = data.new_email
    if staff.email == email:
        return False
    if await db.scalar(select(exists().where(func.lower(Staff.email) == email, Staff.id != staff.id))):
        raise email_taken("new_email")
    token, ends_at = await issue_email_code(db, CodePurpose.EMAIL_CHANGE, Owner(staff_id=staff.id), email)
    await queue_mail(
        db,
        write_new_email(staff.username, f"{portal_url}/confirm-email?token={token}"),
        to=email,
        secret=Secret(token, ends_at),
    )
    await _offer_undo(
        db,
        staff,
        f"The email of your account will change to {email} once the link sent there is opened.",
        portal_url=portal_url,
    )
    await _audit(db, staff, AuditAction.STAFF_EMAIL_CHANGE_ASKED, after=email, before=staff.email, by=by)
    return True


async def find_waiting_email(db: AsyncSession, *, by: Actor) -> str | None:
    """Return the actor's new email that waits for its link; None if there is none."""
    waiting = select(OneTimeCode.target).where(
        OneTimeCode.staff_id == by.id,
        OneTimeCode.purpose == CodePurpose.EMAIL_CHANGE,
        OneTimeCode.used_at.is_(None),
        OneTimeCode.expires_at > now(),
    )
    found: str | None = await db.scalar(waiting.order_by(OneTimeCode.id.desc()).limit(1))
    return found


async def confirm_new_email(db: AsyncSession, data: EmailLink, *, portal_url: str) -> Staff:
    """Make the address of an emailed link the account's email. The old address is notified and can undo it.

    Raises InvalidInput for a link that no longer works, and Refused if a colleague has the address by now.
    """
    code = await _find(db, CodePurpose.EMAIL_CHANGE, data)
    staff = await lock_staff(db, code.owner.staff_id or 0)
    await use_email_code(db, code)
    if not staff.is_active:
        raise bad_email_link()
    old = staff.email
    await _offer_undo(db, staff, f"The email of your account is now {code.target}.", portal_url=portal_url)
    await _set_email(db, staff, code.target)
    await _audit(db, staff, AuditAction.STAFF_EMAIL_CHANGED, after=code.target, before=old, by=_as_owner(staff))
    return staff


async def undo_email_change(db: AsyncSession, data: EmailLink) -> Staff:
    """Restore the email to which the link was sent. Ends all sessions, and links of later changes.

    Raises InvalidInput for a link that no longer works, and Refused if a colleague has the address by now.
    """
    code = await _find(db, CodePurpose.EMAIL_CHANGE_UNDO, data)
    staff = await lock_staff(db, code.owner.staff_id or 0)
    await use_email_code(db, code)
    await void_later_email_codes(db, code)
    old = staff.email
    await _set_email(db, staff, code.target)
    await end_sessions_of(db, SessionKind.STAFF, staff.id)
    await _audit(db, staff, AuditAction.STAFF_EMAIL_CHANGE_UNDONE, after=code.target, before=old, by=_as_owner(staff))
    return staff


async def _find(db: AsyncSession, purpose: CodePurpose, data: EmailLink) -> EmailCode:
    code = await find_email_code(db, purpose, data.token)
    if code is None or code.owner.staff_id is None:
        raise bad_email_link()
    return code


async def _set_email(db: AsyncSession, staff: Staff, email: str) -> None:
    staff.email = email
    staff.version += 1
    staff.updated_at = now()
    try:
        await db.flush()
    except IntegrityError as error:
        raise email_taken("email") from error


async def _offer_undo(db: AsyncSession, staff: Staff, sentence: str, *, portal_url: str) -> None:
    """Notify the current address, with a link that keeps it or restores it."""
    if staff.email is None:
        return
    owner = Owner(staff_id=staff.id)
    token, ends_at = await issue_email_code(db, CodePurpose.EMAIL_CHANGE_UNDO, owner, staff.email)
    await queue_mail(
        db,
        write_email_undo(sentence, staff.email, f"{portal_url}/undo-email?token={token}"),
        to=staff.email,
        secret=Secret(token, ends_at),
    )


def _as_owner(staff: Staff) -> Actor:
    return Actor(ActorKind.STAFF, staff.id, staff.full_name or staff.username)


async def _audit(
    db: AsyncSession, staff: Staff, action: AuditAction, *, before: str | None, after: str, by: Actor
) -> None:
    await record_audit(
        db,
        action=action,
        record_kind="staff",
        record_id=staff.id,
        record_name=staff.username,
        before={"email": before},
        after={"email": after},
        by=by,
    )
