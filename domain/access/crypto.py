"""Encryption of what must be readable again (bank details, second factors, photos of checks): AES-256-GCM.

A value is bound to the row it belongs to, so that copying it into another row makes it unreadable, and names
the key it was made with, so that keys can be changed while old values stay readable.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_NONCE_BYTES = 12
_CHANGED = "The value was changed, or belongs to another record."


_keys: list[str] = []


def use_data_keys(keys: Sequence[str]) -> None:
    """Let this process encrypt with these keys, the newest first, where none are handed over."""
    _keys[:] = keys


def current_data_keys() -> Sequence[str]:
    """The keys of this process; raises RuntimeError where none were set."""
    if not _keys:
        raise RuntimeError("use_data_keys was not called in this process.")
    return _keys


class UnreadableSecretError(Exception):
    """A kept value can't be decrypted: its key is gone from DATA_KEYS, or it was moved or changed."""


def encrypt(text: str, keys: Sequence[str], context: str) -> str:
    """Encrypt a text with the newest key (the first), bound to `context`, say `customer_bank:17`."""
    version, key_id, sealed = seal(text.encode(), keys, context).split(b".", 2)
    return ".".join((version.decode(), key_id.decode(), base64.urlsafe_b64encode(sealed).decode()))


def decrypt(kept: str, keys: Sequence[str], context: str) -> str:
    """The text of a kept value; raises UnreadableSecretError when no key opens it in this context."""
    head, _, encoded = kept.rpartition(".")
    try:
        sealed = base64.urlsafe_b64decode(encoded)
    except ValueError as error:
        raise UnreadableSecretError(_CHANGED) from error
    return unseal(head.encode() + b"." + sealed, keys, context).decode()


def seal(data: bytes, keys: Sequence[str], context: str) -> bytes:
    """As `encrypt`, for bytes: a photo, a paper."""
    key = _derive_key(keys[0])
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = _cipher(key).encrypt(nonce, data, context.encode())
    return f"{_VERSION}.{_key_id(key)}.".encode() + nonce + sealed


def unseal(kept: bytes, keys: Sequence[str], context: str) -> bytes:
    """The bytes that were sealed; raises UnreadableSecretError when no key opens them in this context."""
    version, _, rest = kept.partition(b".")
    key_id, _, sealed = rest.partition(b".")
    key = next((key for key in map(_derive_key, keys) if _key_id(key).encode() == key_id), None)
    if version != _VERSION.encode() or key is None:
        raise UnreadableSecretError("The value was encrypted with a key that DATA_KEYS no longer holds.")
    try:
        return _cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError) as error:
        raise UnreadableSecretError(_CHANGED) from error


def needs_rotation(kept: str, keys: Sequence[str]) -> bool:
    """True when a value was made with an older key than the newest and should be encrypted again."""
    return not kept.startswith(newest_prefix(keys))


def newest_prefix(keys: Sequence[str]) -> str:
    """How every value begins that was made with the newest key, for a statement that looks for the others."""
    return f"{_VERSION}.{_key_id(_derive_key(keys[0]))}."


@lru_cache(maxsize=8)
def _derive_key(data_key: str) -> bytes:
    """The 32 bytes that AES takes, from a key of any length; it is random text, so one hash is enough."""
    return hashlib.sha256(b"data key\0" + data_key.encode()).digest()


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


@lru_cache(maxsize=8)
def _key_id(key: bytes) -> str:
    """A short name of a key that reveals nothing about it."""
    return hashlib.sha256(b"data key id\0" + key).hexdigest()[:8]
