"""Messages to people: written in the act's own transaction with the job that sends them, in one statement.

On a raw transaction that statement travels with COMMIT. The same message twice, by its dedupe key, is once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.kernel.literals import write_call
from domain.messages.letter import Letter
from domain.messages.secrets import hide_secret, seal_secret
from models import Channel
from models.session import RawTransaction, Transaction, raw_connection

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
    """Send a mail after this commits.

    A token in it is named as `secret`, so that it is kept sealed and forgotten once it is sent or has expired.
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
    """Send a text message to an E.164 number after this commits; `secret` as for a mail."""
    await _queue(db, Channel.TEXT, kind, to, "", text, order_id, customer_id, dedupe_key, secret=secret)


async def queue_discord(db: Transaction, *, kind: str, channel: str, text: str, dedupe_key: str | None = None) -> None:
    """Post to a Discord channel (`warehouse` or `sourcing`) after this commits."""
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
        db.later(f"SELECT {write_call('queue_message', *values)}")
        return
    connection = await raw_connection(db)
    if attachments:
        files = [[getattr(each, name) for each in attachments] for name in ("filename", "content_type", "data")]
        await connection.execute(_QUEUE_WITH_FILES, *values, *files)
    else:
        await connection.execute(_QUEUE, *values)
