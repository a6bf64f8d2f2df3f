"""Secrets in messages: a token or a code is stored encrypted, separate from the text, which contains a placeholder.

The outbox, a copy of the database or a log of it therefore contain no working link.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.access.crypto import UnreadableSecretError, current_data_keys, decrypt, encrypt, newest_prefix
from models import OutboxMessage

# Unicode's object replacement character.
MARK = "\ufffc"
SHOWN = "…"


def seal_secret(secret: str, *, kind: str, to: str) -> str:
    """Return the encrypted secret, bound to the kind of the message and to its recipient."""
    return encrypt(secret, current_data_keys(), _context(kind, to))


async def rotate_message_secrets(db: AsyncSession, keys: Sequence[str]) -> int:
    """Encrypt again all secrets that use an older data key. Returns how many. Locks their messages."""
    is_old = ~col(OutboxMessage.secret_sealed).startswith(newest_prefix(keys))
    statement = select(OutboxMessage).where(is_old).order_by(OutboxMessage.id).with_for_update()
    old = (await db.scalars(statement)).all()
    for message in old:
        context = _context(message.kind, message.recipient)
        message.secret_sealed = encrypt(decrypt(message.secret_sealed or "", keys, context), keys, context)
    await db.flush()
    return len(old)


def hide_secret(text: str, secret: str) -> str:
    """Return the text with the secret replaced by a placeholder."""
    return text.replace(MARK, "").replace(secret, MARK)


def read_text(message: OutboxMessage, *, opens: bool) -> str:
    """Return the text for a page: with the secret if `opens` and it can be decrypted, otherwise as `show_text`."""
    try:
        return open_text(message) if opens else show_text(message)
    except UnreadableSecretError:
        return show_text(message)


def open_text(message: OutboxMessage) -> str:
    """Return the text to be sent, with the secret; without it if the secret was deleted.

    Raises UnreadableSecretError if its data key is gone.
    """
    if message.secret_sealed is None:
        return show_text(message)
    secret = decrypt(message.secret_sealed, current_data_keys(), _context(message.kind, message.recipient))
    return message.body_text.replace(MARK, secret)


def show_text(message: OutboxMessage) -> str:
    """Return the text as administrators see it."""
    return message.body_text.replace(MARK, SHOWN)


def _context(kind: str, to: str) -> str:
    return f"outbox_secret:{kind}:{to}"
