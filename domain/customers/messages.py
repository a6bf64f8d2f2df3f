"""What customers are written about their account; every message waits in the outbox for the commit."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.links import as_secret, issue_token
from domain.messages.outbox import queue_mail
from models import CodePurpose, Customer

NOT_YOU = "If that was not you, set a new password at once by the shop's “forgot password”, and tell us."


async def send_verification_link(db: AsyncSession, customer_id: int | None, *, email: str, shop_url: str) -> str:
    """Mail a link that verifies the email within 48 hours; returns its token. `shop_url` has no final slash."""
    token = await issue_token(db, CodePurpose.EMAIL_VERIFICATION, customer_id=customer_id, target=email)
    await queue_mail(
        db,
        kind="verify_email",
        to=email,
        subject="Confirm your email",
        text=(
            "Somebody, probably you, gave this address for an account with us. This link confirms it; it works"
            f" once, within 48 hours.\n\n{shop_url}/verify-email?token={token}"
            "\n\nIf it was not you, do not open the link: the account stays closed without it."
        ),
        customer_id=customer_id,
        secret=as_secret(token, CodePurpose.EMAIL_VERIFICATION),
    )
    return token


async def send_reset_link(db: AsyncSession, customer_id: int | None, *, email: str, shop_url: str) -> str:
    """Mail a link that sets a new password within an hour; returns its token."""
    token = await issue_token(db, CodePurpose.PASSWORD_RESET, customer_id=customer_id, target=email)
    await queue_mail(
        db,
        kind="password_reset",
        to=email,
        subject="Set a new password",
        text=(
            "Somebody, probably you, asked for a new password for your account. This link sets one; it works"
            f" once, within an hour.\n\n{shop_url}/reset-password?token={token}"
            "\n\nIf it was not you, nothing needs to be done: your password stays as it is."
        ),
        customer_id=customer_id,
        secret=as_secret(token, CodePurpose.PASSWORD_RESET),
    )
    return token


async def send_security_notice(db: AsyncSession, customer: Customer, sentence: str, *, to: str | None = None) -> None:
    """Notify an account's owner that something about signing in changed; without an email there is no notice."""
    recipient = to or customer.email
    if recipient is None:
        return
    await queue_mail(
        db,
        kind="security_notice",
        to=recipient,
        subject="Your account was changed",
        text=f"{sentence}\n\n{NOT_YOU}",
        customer_id=customer.id,
    )
