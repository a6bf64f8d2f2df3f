"""Sends one message of the outbox."""

from typing import Any

from documents.mail_html import find_skus, make_mail_writer
from domain.catalogue.mail_pictures import list_picture_paths
from domain.messages.list_messages import read_body
from domain.messages.outbox import SEND_JOB
from domain.messages.sending import mark_message_failed, send_message
from models.session import current_database
from tasks.job import Work, job


async def _give_up(work: Work, error: str) -> None:
    await mark_message_failed(work.payload["message_id"], error)


async def _find_pictures(message_id: int, public_url: str) -> dict[str, str]:
    """Return the addresses of the images for the products that the mail lists."""
    async with current_database().session() as db:
        paths = await list_picture_paths(db, find_skus(await read_body(db, message_id)))
    return {sku: public_url.rstrip("/") + path for sku, path in paths.items()}


# Twelve attempts take about seven hours: a mail server that is down for an afternoon loses nothing.
@job(SEND_JOB, attempts=12, when_given_up=_give_up)
async def send_queued_message(work: Work) -> dict[str, Any]:
    """Send the message and return its new state."""
    message_id = work.payload["message_id"]
    writer = make_mail_writer(work.settings, await _find_pictures(message_id, work.settings.public_url))
    state = await send_message(message_id, work.settings, write_html=writer)
    return {"state": state or "nothing to send"}
