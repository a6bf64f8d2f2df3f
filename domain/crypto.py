"""Encryption of the few values that must be readable again (bank details, second factors): AES-256-GCM.

A value is bound to the row it belongs to, so that copying it into another row makes it unreadable, and names
the key it was made with, so that keys can be changed while old values stay readable.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_NONCE_BYTES = 12


class UnreadableSecretError(Exception):
    """A kept value can't be decrypted: its key is gone from DATA_KEYS, or it was moved or changed."""


def encrypt(text: str, keys: Sequence[str], context: str) -> str:
    """Encrypt a text with the newest key (the first), bound to `context`, say `customer_bank:17`."""
    key = _derive_key(keys[0])
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), context.encode())
    return ".".join((_VERSION, _key_id(key), base64.urlsafe_b64encode(nonce + sealed).decode()))


def decrypt(kept: str, keys: Sequence[str], context: str) -> str:
    """The text of a kept value; raises UnreadableSecretError when no key opens it in this context."""
    version, _, rest = kept.partition(".")
    key_id, _, encoded = rest.partition(".")
    key = next((key for key in map(_derive_key, keys) if _key_id(key) == key_id), None)
    if version != _VERSION or key is None:
        raise UnreadableSecretError("The value was encrypted with a key that DATA_KEYS no longer holds.")
    try:
        sealed = base64.urlsafe_b64decode(encoded)
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise UnreadableSecretError("The value was changed, or belongs to another record.") from error


def needs_rotation(kept: str, keys: Sequence[str]) -> bool:
    """True when a value was made with an older key than the newest and should be encrypted again."""
    return kept.split(".")[:2] != [_VERSION, _key_id(_derive_key(keys[0]))]


def _derive_key(data_key: str) -> bytes:
    """The 32 bytes that AES takes, from a key of any length; it is random text, so one hash is enough."""
    return hashlib.sha256(b"data key\0" + data_key.encode()).digest()


def _key_id(key: bytes) -> str:
    """A short name of a key that tells nothing about it."""
    return hashlib.sha256(b"data key id\0" + key).hexdigest()[:8]
