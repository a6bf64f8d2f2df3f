"""Verifies an account's email by an emailed link; only then may it sign in, and only then are its orders linked."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.email_change import find_email_code
from domain.access.forgotten import SOMEBODY
from domain.customers.accounts import Profile, as_owner, describe_account, find_account
from domain.customers.email_change import confirm_new_email
from domain.customers.linking import link_orders
from domain.customers.links import MOST_LINKS, commit_without_waiting, count_recent, redeem_token, void_tokens
from domain.customers.messages import send_verification_link
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.inputs import Filled200, Input
from models import AuditAction, CodePurpose, Customer


class VerifyEmail(Input):
    """The token of the emailed link."""

    token: Filled200


class ResendVerification(Input):
    """The email (or the username) of the account to verify."""

    email: Filled200


@dataclass(frozen=True, slots=True)
class SentAnswer:
    """The answer in all cases. The debug value is None unless DEBUG_TOKENS is on."""

    message: str
    debug_token: str | None = None
    email_sent: bool = True


async def verify_email(db: AsyncSession, data: VerifyEmail, *, shop_url: str) -> Profile:
    """Mark the account's email as verified and link the guest orders with it; a changed email takes effect.

    Raises InvalidInput for a link that is used, older than 48 hours, or for an email that the account no longer has,
    and Refused for a changed email that another account has by now.
    """
    if (change := await find_email_code(db, CodePurpose.EMAIL_CHANGE, data.token)) and change.owner.customer_id:
        return await confirm_new_email(db, change, shop_url=shop_url)
    redeemed = await redeem_token(db, CodePurpose.EMAIL_VERIFICATION, data.token)
    await mark_email_verified(db, redeemed.customer)
    return describe_account(redeemed.customer)


async def mark_email_verified(db: AsyncSession, customer: Customer) -> None:
    """Record the verification of a locked account's email, and link the guest orders with it."""
    await void_tokens(db, customer.id, [CodePurpose.EMAIL_VERIFICATION])
    if customer.email_verified_at is None:
        customer.email_verified_at = now()
        customer.updated_at = now()
        customer.version += 1
        await record_audit(
            db,
            action=AuditAction.CUSTOMER_EMAIL_VERIFIED,
            record_kind="customer",
            record_id=customer.id,
            record_name=customer.company_name or customer.username,
            after={"email": customer.email},
            by=as_owner(customer),
        )
    await link_orders(db, customer)


async def resend_verification(
    db: AsyncSession, data: ResendVerification, *, shop_url: str, shows_token: bool
) -> SentAnswer:
    """Email the verification link again, at most three times an hour.

    If nothing waits for verification, the same statements run and are rolled back.
    """
    await commit_without_waiting(db)
    account = await find_account(db, data.email)
    email = account.email if account is not None and account.email is not None else SOMEBODY
    sent = await count_recent(db, CodePurpose.EMAIL_VERIFICATION, email)
    goes_out = (
        account is not None
        and account.is_active
        and account.email is not None
        and account.password_hash is not None
        and account.email_verified_at is None
        and sent < MOST_LINKS
    )
    async with db.begin_nested() as writing:
        token = await send_verification_link(
            db, account.id if account is not None else None, email=email, shop_url=shop_url
        )
        if not goes_out:
            await writing.rollback()
    return SentAnswer(
        "If an account is waiting for this email to be confirmed, we have sent a new link. It works for 48 hours.",
        debug_token=token if shows_token and goes_out else None,
    )
