"""Passwords.

They are hashed with argon2id, checked without revealing whether the account exists, and must not be easy to guess. A
hash takes about 30 ms and 19 MiB, so it runs in a few threads of its own: many sign-ins at once wait in a queue there
instead of stopping all other requests.
"""

import asyncio
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from domain.kernel.input_errors import WEAK_PASSWORD
from domain.kernel.inputs import LEAST_PASSWORD

LONGEST_PASSWORD = 200

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# As many at once as there are processors: more would only compete for them, each with its 19 MiB.
_THREADS = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2), thread_name_prefix="password")
# The hash of a random text that was discarded; checking against it takes as long as against a real one.
_NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$jV3mfOPDA9AzG66JkMPweQ$dA71ArRiW0/rNR0rYoUbGQQpn70JwjGGSqV6tn53LE8"
_COMMON_PASSWORDS = Path(__file__).with_name("common_passwords.txt")


async def hash_password(password: str) -> str:
    """Return the hash of a password, as it is stored."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, _as_bytes(password))


async def verify_password(kept_hash: str | None, password: str) -> bool:
    """True if the password matches the stored hash.

    Pass None if there is no account, or none with a password: it takes as long and returns False.
    """
    is_right = await asyncio.get_running_loop().run_in_executor(
        _THREADS, _verify, kept_hash or _NOBODYS_HASH, _as_bytes(password[: LONGEST_PASSWORD + 1])
    )
    return is_right and kept_hash is not None and len(password) <= LONGEST_PASSWORD


def needs_rehash(kept_hash: str) -> bool:
    """True if the hash was made with weaker settings than the current ones; hash again at the next sign-in."""
    return _HASHER.check_needs_rehash(kept_hash)


def why_weak(password: str, *, least: int) -> str:
    """Return what is wrong with a new password, as the end of a sentence; empty if nothing is.

    It needs at least `least` and at most 200 characters, and must not be one of the most common ones.
    """
    if len(password) < least:
        return f"must be at least {least} characters"
    if len(password) > LONGEST_PASSWORD:
        return f"must be at most {LONGEST_PASSWORD} characters"
    if _normalise(password).casefold() in _read_common_passwords():
        return "is one of the most common passwords and easy to guess; choose another"
    return ""


def _check_new_password(password: str, info: ValidationInfo) -> str:
    if sentence := why_weak(password, least=(info.context or {}).get("least_password", LEAST_PASSWORD)):
        raise PydanticCustomError(WEAK_PASSWORD, "{sentence}", {"sentence": sentence})
    return password


# A new password; the model with the field sets the minimum length.
NewPasswordIn = Annotated[
    str,
    StringConstraints(min_length=1),
    AfterValidator(_check_new_password),
    Field(json_schema_extra={"minLength": LEAST_PASSWORD, "maxLength": LONGEST_PASSWORD}),
]


def _verify(kept_hash: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(kept_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _normalise(password: str) -> str:
    """Normalize characters that look alike: keyboards differ in how they send accented letters."""
    return unicodedata.normalize("NFKC", password)


def _as_bytes(password: str) -> bytes:
    return _normalise(password).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def _read_common_passwords() -> frozenset[str]:
    return frozenset(_COMMON_PASSWORDS.read_text(encoding="utf-8").split("\n")) - {""}
