"""Secrets in messages: a token or a code is kept sealed beside the text, which holds a mark in its place.

Who reads the outbox, a copy of the database or a log of it reads no working link.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.access.crypto import UnreadableSecretError, current_data_keys, decrypt, encrypt, newest_prefix
from models import OutboxMessage

# Unicode's own sign for an object that is not text.
MARK = "\ufffc"
SHOWN = "…"


def seal_secret(secret: str, *, kind: str, to: str) -> str:
    """The secret as it is kept, bound to the kind of the message and to whom it goes."""
    return encrypt(secret, current_data_keys(), _context(kind, to))


async def rotate_message_secrets(db: AsyncSession, keys: Sequence[str]) -> int:
    """Seal again every secret that an older data key closed; returns how many. Locks their messages."""
    is_old = ~col(OutboxMessage.secret_sealed).startswith(newest_prefix(keys))
    statement = select(OutboxMessage).where(is_old).order_by(OutboxMessage.id).with_for_update()
    old = (await db.scalars(statement)).all()
    for message in old:
        context = _context(message.kind, message.recipient)
        message.secret_sealed = encrypt(decrypt(message.secret_sealed or "", keys, context), keys, context)
    await db.flush()
    return len(old)


def hide_secret(text: str, secret: str) -> str:
    """The text with a mark where the secret stood."""
    return text.replace(MARK, "").replace(secret, MARK)


def read_text(message: OutboxMessage, *, opens: bool) -> str:
    """The text for a page: with the secret where `opens` and it can still be read, else as it is shown."""
    try:
        return open_text(message) if opens else show_text(message)
    except UnreadableSecretError:
        return show_text(message)


def open_text(message: OutboxMessage) -> str:
    """The text as it leaves, with the secret in its place; as it is shown where the secret is forgotten.

    Raises UnreadableSecretError when its key is gone.
    """
    if message.secret_sealed is None:
        return show_text(message)
    secret = decrypt(message.secret_sealed, current_data_keys(), _context(message.kind, message.recipient))
    return message.body_text.replace(MARK, secret)


def show_text(message: OutboxMessage) -> str:
    """The text as administrators read it."""
    return message.body_text.replace(MARK, SHOWN)


def _context(kind: str, to: str) -> str:
    return f"outbox_secret:{kind}:{to}"
