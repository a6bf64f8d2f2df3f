"""Messages to people: written in the act's own transaction with the job that sends them, in one statement.

The same message twice, by its dedupe key, is once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from domain.messages.letter import Letter
from domain.messages.secrets import hide_secret, seal_secret
from models import Channel
from models.session import raw_connection

SEND_JOB = "send_message"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Secret:
    """What of a message's text opens something (a token, a code), and until when."""

    text: str
    expires_at: datetime


_QUEUE = """
WITH message AS (
  INSERT INTO outbox_message (channel, kind, recipient, subject, body_text, order_id, customer_id, dedupe_key,
    secret_sealed, secret_expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $13, $14) ON CONFLICT (dedupe_key) DO NOTHING RETURNING id
),
file AS (
  INSERT INTO outbox_attachment (message_id, position, filename, content_type, data)
  SELECT message.id, position, filename, content_type, data FROM message,
    unnest($10::text[], $11::text[], $12::bytea[]) WITH ORDINALITY AS t(filename, content_type, data, position)
)
SELECT enqueue_job($9, jsonb_build_object('message_id', id)) FROM message
"""


async def queue_mail(
    db: AsyncSession,
    letter: Letter,
    *,
    to: str,
    order_id: int | None = None,
    customer_id: int | None = None,
    dedupe_key: str | None = None,
    attachments: Sequence[Attachment] = (),
    secret: Secret | None = None,
) -> None:
    """Send a mail after this commits.

    A token in it is named as `secret`, so that it is kept sealed and forgotten once it is sent or has expired.
    """
    kind, subject, text = letter.kind, letter.subject, letter.text
    await _queue(db, Channel.EMAIL, kind, to, subject, text, order_id, customer_id, dedupe_key, attachments, secret)


async def queue_text(
    db: AsyncSession,
    *,
    kind: str,
    to: str,
    text: str,
    order_id: int | None = None,
    customer_id: int | None = None,
    dedupe_key: str | None = None,
    secret: Secret | None = None,
) -> None:
    """Send a text message to an E.164 number after this commits; `secret` as for a mail."""
    await _queue(db, Channel.TEXT, kind, to, "", text, order_id, customer_id, dedupe_key, secret=secret)


async def queue_discord(db: AsyncSession, *, kind: str, channel: str, text: str, dedupe_key: str | None = None) -> None:
    """Post to a Discord channel (`warehouse` or `sourcing`) after this commits."""
    await _queue(db, Channel.DISCORD, kind, channel, "", text, None, None, dedupe_key)


async def _queue(  # noqa: PLR0917 - the columns of one row, in their order
    db: AsyncSession,
    channel: Channel,
    kind: str,
    to: str,
    subject: str,
    text: str,
    order_id: int | None,
    customer_id: int | None,
    dedupe_key: str | None,
    attachments: Sequence[Attachment] = (),
    secret: Secret | None = None,
) -> None:
    sealed = seal_secret(secret.text, kind=kind, to=to) if secret else None
    text = hide_secret(text, secret.text) if secret else text
    expires_at = secret.expires_at if secret else None
    connection = await raw_connection(db)
    files = [[getattr(each, name) for each in attachments] for name in ("filename", "content_type", "data")]
    values = (channel, kind, to, subject, text, order_id, customer_id, dedupe_key, SEND_JOB, *files, sealed, expires_at)
    await connection.execute(_QUEUE, *values)
