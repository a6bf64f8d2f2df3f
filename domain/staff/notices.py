"""Emails to staff about their own account; none are sent to accounts without an email."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.messages.outbox import queue_mail
from domain.staff.letters import write_notice


async def send_notice(db: AsyncSession, email: str | None, sentence: str) -> None:
    """Email a colleague that something about signing in has changed."""
    if email is not None:
        await queue_mail(db, write_notice(sentence), to=email)
