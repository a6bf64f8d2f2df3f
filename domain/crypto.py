"""Encryption of the few values that must be readable again (bank details, second factors): AES-256-GCM.

A value is bound to the row it belongs to, so that copying it into another row makes it unreadable, and names
the key it was made with, so that keys can be changed while old values stay readable.
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class UnreadableSecretError(Exception):
    """A kept value can't be decrypted: its key is gone from DATA_KEYS, or it was moved or changed."""


def new_data_key() -> str:
    """A fresh key for DATA_KEYS: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def read_data_key(key: str) -> bytes:
    """The 32 bytes of a key; raises ValueError for anything else, so that settings refuse it at the start."""
    try:
        found = base64.urlsafe_b64decode(key.strip().encode("ascii"))
    except (ValueError, binascii.Error):
        found = b""
    if len(found) != _KEY_BYTES:
        raise ValueError("A data key must be 32 bytes in URL-safe base64.")
    return found


def encrypt(text: str, keys: Sequence[str], context: str) -> str:
    """Encrypt a text with the newest key (the first), bound to `context`, say `customer_bank:17`."""
    key = read_data_key(keys[0])
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), context.encode())
    return ".".join((_VERSION, _key_id(key), base64.urlsafe_b64encode(nonce + sealed).decode()))


def decrypt(kept: str, keys: Sequence[str], context: str) -> str:
    """The text of a kept value; raises UnreadableSecretError when no key opens it in this context."""
    version, _, rest = kept.partition(".")
    key_id, _, encoded = rest.partition(".")
    key = next((key for key in map(read_data_key, keys) if _key_id(key) == key_id), None)
    if version != _VERSION or key is None:
        raise UnreadableSecretError("The value was encrypted with a key that DATA_KEYS no longer holds.")
    try:
        sealed = base64.urlsafe_b64decode(encoded)
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise UnreadableSecretError("The value was changed, or belongs to another record.") from error


def needs_rotation(kept: str, keys: Sequence[str]) -> bool:
    """True when a value was made with an older key than the newest and should be encrypted again."""
    return kept.split(".")[:2] != [_VERSION, _key_id(read_data_key(keys[0]))]


def _key_id(key: bytes) -> str:
    """A short name of a key that tells nothing about it."""
    return hashlib.sha256(b"data key id\0" + key).hexdigest()[:8]
