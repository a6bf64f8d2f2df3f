"""Forgotten passwords and usernames, by email or by phone. Neither answer nor work reveals whether an account exists.

A new password ends all sessions and invalidates all other links of the account.
"""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.forgotten import LINK_SENT, SOMEBODY, ForgotPassword, ForgotUsername, ResetPassword
from domain.access.passwords import NewPasswordIn, hash_password
from domain.access.sessions import end_sessions_of
from domain.access.tokens import mask_username
from domain.customers.accounts import as_owner, find_account
from domain.customers.letters import write_username
from domain.customers.links import MOST_LINKS, commit_without_waiting, count_recent, redeem_token, void_tokens
from domain.customers.messages import send_reset_link, send_security_notice
from domain.customers.verification import SentAnswer, mark_email_verified
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.inputs import Filled200, Input
from domain.messages.outbox import queue_mail
from models import AuditAction, CodePurpose, Customer, SessionKind


class PhoneUsername(Input):
    """The phone session, which is used up."""

    phone_session_token: Filled200


class PhoneResetPassword(Input):
    """The phone session, which is used up, and the new password."""

    phone_session_token: Filled200
    password: NewPasswordIn


async def forgot_password(db: AsyncSession, data: ForgotPassword, *, shop_url: str, shows_token: bool) -> SentAnswer:
    """Email a link that sets a new password, at most three per hour; an account without a password gets its first one.

    Without an account the same statements run and are rolled back.
    """
    await commit_without_waiting(db)
    account = await find_account(db, data.identifier)
    email = account.email if account is not None and account.email is not None else SOMEBODY
    sent = await count_recent(db, CodePurpose.PASSWORD_RESET, email)
    goes_out = account is not None and account.is_active and account.email is not None and sent < MOST_LINKS
    async with db.begin_nested() as writing:
        token = await send_reset_link(db, account.id if account is not None else None, email=email, shop_url=shop_url)
        if not goes_out:
            await writing.rollback()
    return SentAnswer(
        LINK_SENT,
        debug_token=token if shows_token and goes_out else None,
    )


async def forgot_username(db: AsyncSession, data: ForgotUsername, *, shop_url: str) -> SentAnswer:
    """Email the username of an account by its email; without one the same statements run and are rolled back."""
    await commit_without_waiting(db)
    account = (
        await db.execute(
            select(Customer.id, Customer.username).where(
                func.lower(Customer.email) == func.lower(data.email), Customer.is_active
            )
        )
    ).first()
    username = account.username if account is not None else "-"
    async with db.begin_nested() as writing:
        await queue_mail(
            db,
            write_username(username, shop_url),
            to=data.email,
            customer_id=account.id if account is not None else None,
        )
        if account is None:
            await writing.rollback()
    return SentAnswer("If an account has that email, we have sent its username.")


async def reset_password(db: AsyncSession, data: ResetPassword) -> None:
    """Set a new password with an emailed token, which also verifies the email.

    Raises InvalidInput for a weak password, and for a token that is unknown, used, older than an hour, or for an email
    that the account no longer has.
    """
    password_hash = await hash_password(data.password)
    customer = (await redeem_token(db, CodePurpose.PASSWORD_RESET, data.token)).customer
    if customer.email_verified_at is None and customer.password_hash is not None:
        _clear_unproven_phone(customer)
    await _set_password(db, customer, password_hash, note="By an emailed link")
    await mark_email_verified(db, customer)
    await send_security_notice(db, customer, "The password of your account was reset by an emailed link.")


async def phone_username(db: AsyncSession, data: PhoneUsername) -> str:
    """Return the masked username of the account of a phone session, which is used up."""
    customer = (await redeem_token(db, CodePurpose.PHONE_SESSION, data.phone_session_token)).customer
    return mask_username(customer.username)


async def phone_reset_password(db: AsyncSession, data: PhoneResetPassword) -> None:
    """Set a new password with a phone session, which is used up; an unverified email stays unverified."""
    password_hash = await hash_password(data.password)
    customer = (await redeem_token(db, CodePurpose.PHONE_SESSION, data.phone_session_token)).customer
    await _set_password(db, customer, password_hash, note="By a code to the phone")
    await send_security_notice(db, customer, "The password of your account was reset with a code sent to its phone.")


def _clear_unproven_phone(customer: Customer) -> None:
    """The creator of this account never verified its email; the phone may be theirs and would give them access."""
    if customer.phone is not None and customer.phone_verified_at is None:
        customer.phone_raw, customer.phone = customer.phone, None


async def _set_password(db: AsyncSession, customer: Customer, password_hash: str, *, note: str) -> None:
    """Set the new password of a locked account; ends all sessions and invalidates all open tokens."""
    customer.password_hash = password_hash
    customer.failed_sign_ins, customer.locked_until = 0, None
    customer.updated_at = now()
    customer.version += 1
    await db.flush()
    await void_tokens(db, customer.id, [CodePurpose.PASSWORD_RESET, CodePurpose.PHONE_SESSION])
    await end_sessions_of(db, SessionKind.CUSTOMER, customer.id)
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_PASSWORD_RESET,
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name or customer.username,
        note=note,
        by=as_owner(customer),
    )
