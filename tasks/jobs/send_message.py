"""Sends one message of the outbox."""

from typing import Any

from documents.mail_html import make_mail_writer
from domain.messages.outbox import SEND_JOB
from domain.messages.sending import mark_message_failed, send_message
from tasks.job import Work, job


async def _give_up(work: Work, error: str) -> None:
    await mark_message_failed(work.payload["message_id"], error)


# Twelve attempts reach over some seven hours: a mail server's bad afternoon loses nothing.
@job(SEND_JOB, attempts=12, when_given_up=_give_up)
async def send_queued_message(work: Work) -> dict[str, Any]:
    """Send the message and say in which state it is now."""
    state = await send_message(work.payload["message_id"], work.settings, write_html=make_mail_writer(work.settings))
    return {"state": state or "nothing to send"}
