"""Secrets that are given out (links, keys, codes, order numbers), and masked names.

Secrets are stored as hashes and compared in constant time.
"""

import hashlib
import hmac
import secrets

# Without 0, O, 1 and I: order numbers are read aloud and typed from paper.
READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ORDER_PREFIX = "LLD"
# The character for each byte; all equally likely, since 256 is a multiple of their number.
_SIGNS = READABLE.encode() * (256 // len(READABLE))


def new_token() -> str:
    """Return a secret of 32 random bytes that is valid in a link or a header."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 hash of a token in hex, as it is stored.

    Plain hashing is enough for 32 random bytes; for passwords and six-digit codes it is not.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def hash_code(code: str, *, key: str, purpose: str) -> str:
    """Return the keyed hash of a six-digit code, as it is stored.

    It is keyed, because all million codes could be tried on a plain hash.

    `purpose` (such as `phone:+12165550148`) binds the code to what it was sent for.
    """
    return hmac.new(key.encode(), f"{purpose}\0{code}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def is_same_secret(given: str, kept: str) -> bool:
    """Compare two secrets in a time that does not depend on how many characters match."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), kept.encode("utf-8", "surrogatepass"))


def new_code() -> str:
    """Return a one-time code of six digits, with leading zeros."""
    return f"{secrets.randbelow(1_000_000):06d}"


def new_order_number() -> str:
    """Return a number like LLD-7KQ4-M9XD: one of 32^8, so that others can't be found by guessing."""
    signs = secrets.token_bytes(8).translate(_SIGNS).decode()
    return f"{ORDER_PREFIX}-{signs[:4]}-{signs[4:]}"


def is_random_order_number(number: str) -> bool:
    """True for a number that `new_order_number` could have made; one that staff chose could be guessed."""
    prefix, *groups = number.split("-")
    is_grouped = prefix == ORDER_PREFIX and [len(group) for group in groups] == [4, 4]
    return is_grouped and set("".join(groups)) <= set(READABLE)


def spell_order_number(text: str) -> list[str]:
    """Return the order numbers that a typed text may mean: in any case, with spaces, without its hyphens."""
    number = "".join(text.split()).upper()
    bare = number.replace("-", "")
    return list(dict.fromkeys([number, f"{bare[:-8]}-{bare[-8:-4]}-{bare[-4:]}"])) if len(bare) > 8 else [number]


def mask_username(username: str) -> str:
    """Return a username with only its first and last character, `b****o`.

    A shorter one keeps fewer, so that it stays hidden.
    """
    if len(username) < 3:
        return username[: len(username) - 1] + "*" * min(len(username), 1)
    return username[0] + "*" * (len(username) - 2) + username[-1]


def initials(name: str) -> str:
    """Return a name as strangers may see it: "Old Mill Tavern" becomes "O. M. T."."""
    return " ".join(f"{word[0].upper()}." for word in name.split())
