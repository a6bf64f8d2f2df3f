"""Writes messages in the act's own transaction, together with the job that sends them, in one statement.

On a raw transaction this statement is sent with COMMIT. A message with the same dedupe key is written only once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.kernel.literals import write_call
from domain.kernel.live import WAKE_WORKERS, WAKES_AFTERWARDS
from domain.messages.letter import Letter
from domain.messages.secrets import hide_secret, seal_secret
from models import Channel
from models.session import RawTransaction, Transaction, raw_connection

SEND_JOB = "send_message"


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment of an email."""

    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Secret:
    """The part of a message's text that grants access (a token, a code), and when it expires."""

    text: str
    expires_at: datetime


_QUEUE = "SELECT queue_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_QUEUE_WITH_FILES = "SELECT queue_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"


async def queue_mail(
    db: Transaction,
    letter: Letter,
    *,
    to: str,
    order_id: int | None = None,
    customer_id: int | None = None,
    dedupe_key: str | None = None,
    attachments: Sequence[Attachment] = (),
    secret: Secret | None = None,
) -> None:
    """Queue an email to be sent after this transaction commits.

    Pass a token in it as `secret`, so that it is stored encrypted and deleted once it is sent or has expired.
    """
    kind, subject, text = letter.kind, letter.subject, letter.text
    await _queue(db, Channel.EMAIL, kind, to, subject, text, order_id, customer_id, dedupe_key, attachments, secret)


async def queue_text(
    db: Transaction,
    *,
    kind: str,
    to: str,
    text: str,
    order_id: int | None = None,
    customer_id: int | None = None,
    dedupe_key: str | None = None,
    secret: Secret | None = None,
) -> None:
    """Queue a text to an E.164 number to be sent after this transaction commits; `secret` as for an email."""
    await _queue(db, Channel.TEXT, kind, to, "", text, order_id, customer_id, dedupe_key, secret=secret)


async def queue_discord(db: Transaction, *, kind: str, channel: str, text: str, dedupe_key: str | None = None) -> None:
    """Queue a post to a Discord channel (`warehouse` or `sourcing`) to be sent after this transaction commits."""
    await _queue(db, Channel.DISCORD, kind, channel, "", text, None, None, dedupe_key)


async def _queue(  # noqa: PLR0917 - the columns of one row, in their order
    db: Transaction,
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
    values = (channel, kind, to, subject, text, order_id, customer_id, dedupe_key, SEND_JOB, sealed, expires_at)
    if isinstance(db, RawTransaction) and not attachments:
        db.later(f"{WAKES_AFTERWARDS}; SELECT {write_call('queue_message', *values)}")
        db.afterwards(WAKE_WORKERS)
        return
    connection = await raw_connection(db)
    if attachments:
        files = [[getattr(each, name) for each in attachments] for name in ("filename", "content_type", "data")]
        await connection.execute(_QUEUE_WITH_FILES, *values, *files)
    else:
        await connection.execute(_QUEUE, *values)
