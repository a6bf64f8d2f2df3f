"""Encryption of data that must be readable again (bank details, second factors, photos of checks): AES-256-GCM.

A value is bound to the row it belongs to, so that a copy in another row is unreadable. It names the key it was
encrypted with, so that keys can be changed while old values stay readable.
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
    """Set the keys of this process, newest first, for calls that pass none."""
    _keys[:] = keys


def current_data_keys() -> Sequence[str]:
    """Return the keys of this process. Raises RuntimeError if none were set."""
    if not _keys:
        raise RuntimeError("use_data_keys was not called in this process.")
    return _keys


class UnreadableSecretError(Exception):
    """A stored value can't be decrypted: its key is not in DATA_KEYS any more, or the value was moved or changed."""


def encrypt(text: str, keys: Sequence[str], context: str) -> str:
    """Encrypt a text with the newest key (the first), bound to `context`, such as `customer_bank:17`."""
    version, key_id, sealed = seal(text.encode(), keys, context).split(b".", 2)
    return ".".join((version.decode(), key_id.decode(), base64.urlsafe_b64encode(sealed).decode()))


def decrypt(kept: str, keys: Sequence[str], context: str) -> str:
    """Decrypt a stored value. Raises UnreadableSecretError if no key decrypts it in this context."""
    head, _, encoded = kept.rpartition(".")
    try:
        sealed = base64.urlsafe_b64decode(encoded)
    except ValueError as error:
        raise UnreadableSecretError(_CHANGED) from error
    return unseal(head.encode() + b"." + sealed, keys, context).decode()


def seal(data: bytes, keys: Sequence[str], context: str) -> bytes:
    """Encrypt bytes, such as a photo or a document, like `encrypt`."""
    key = _derive_key(keys[0])
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = _cipher(key).encrypt(nonce, data, context.encode())
    return f"{_VERSION}.{_key_id(key)}.".encode() + nonce + sealed


def unseal(kept: bytes, keys: Sequence[str], context: str) -> bytes:
    """Decrypt sealed bytes. Raises UnreadableSecretError if no key decrypts them in this context."""
    version, _, rest = kept.partition(b".")
    key_id, _, sealed = rest.partition(b".")
    key = next((key for key in map(_derive_key, keys) if _key_id(key).encode() == key_id), None)
    if version != _VERSION.encode() or key is None:
        raise UnreadableSecretError("The value was encrypted with a key that is no longer in DATA_KEYS.")
    try:
        return _cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError) as error:
        raise UnreadableSecretError(_CHANGED) from error


def needs_rotation(kept: str, keys: Sequence[str]) -> bool:
    """True if a value was encrypted with an older key than the newest and should be encrypted again."""
    return not kept.startswith(newest_prefix(keys))


def newest_prefix(keys: Sequence[str]) -> str:
    """Return the prefix of every value encrypted with the newest key, for a statement that finds the others."""
    return f"{_VERSION}.{_key_id(_derive_key(keys[0]))}."


@lru_cache(maxsize=8)
def _derive_key(data_key: str) -> bytes:
    """Return the 32 bytes that AES needs from a key of any length; keys are random, so one hash is enough."""
    return hashlib.sha256(b"data key\0" + data_key.encode()).digest()


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


@lru_cache(maxsize=8)
def _key_id(key: bytes) -> str:
    """Return a short name of a key that reveals nothing about it."""
    return hashlib.sha256(b"data key id\0" + key).hexdigest()[:8]
