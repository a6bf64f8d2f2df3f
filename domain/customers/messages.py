"""The messages to customers about their account; each waits in the outbox for the commit."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.letters import write_notice, write_reset, write_verification
from domain.customers.links import as_secret, issue_token
from domain.messages.outbox import queue_mail
from models import CodePurpose, Customer


async def send_verification_link(db: AsyncSession, customer_id: int | None, *, email: str, shop_url: str) -> str:
    """Email a link that verifies the address within 48 hours. Returns its token. `shop_url` has no trailing slash."""
    token = await issue_token(db, CodePurpose.EMAIL_VERIFICATION, customer_id=customer_id, target=email)
    await queue_mail(
        db,
        write_verification(f"{shop_url}/verify-email?token={token}"),
        to=email,
        customer_id=customer_id,
        secret=as_secret(token, CodePurpose.EMAIL_VERIFICATION),
    )
    return token


async def send_reset_link(db: AsyncSession, customer_id: int | None, *, email: str, shop_url: str) -> str:
    """Email a link that sets a new password within an hour. Returns its token."""
    token = await issue_token(db, CodePurpose.PASSWORD_RESET, customer_id=customer_id, target=email)
    await queue_mail(
        db,
        write_reset(f"{shop_url}/reset-password?token={token}"),
        to=email,
        customer_id=customer_id,
        secret=as_secret(token, CodePurpose.PASSWORD_RESET),
    )
    return token


async def send_security_notice(db: AsyncSession, customer: Customer, sentence: str, *, to: str | None = None) -> None:
    """Email an account's owner that something about signing in has changed; without an email, nothing is sent."""
    recipient = to or customer.email
    if recipient is None:
        return
    await queue_mail(db, write_notice(sentence), to=recipient, customer_id=customer.id)
