"""Mails to staff about their own account; without an email there is none."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.messages.outbox import queue_mail

WAS_NOT_YOU = "If that was not you, inform an administrator at once."


async def send_notice(db: AsyncSession, email: str | None, sentence: str) -> None:
    """Notify a colleague that something about signing in changed."""
    if email is None:
        return
    await queue_mail(
        db,
        kind="security_notice",
        to=email,
        subject="Your staff account was changed",
        text=f"{sentence}\n\n{WAS_NOT_YOU}",
    )
