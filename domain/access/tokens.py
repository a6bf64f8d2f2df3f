"""Secrets that we hand out (links, keys, codes, order numbers), and names shown without being revealed.

What is kept of a secret is its hash; what is compared is compared in constant time.
"""

import hashlib
import hmac
import secrets

# Without 0, O, 1 and I: order numbers are read aloud and typed from paper.
READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ORDER_PREFIX = "LLD"
# Which of them each byte stands for; all equally often, since 256 is a multiple of their number.
_SIGNS = READABLE.encode() * (256 // len(READABLE))


def new_token() -> str:
    """A secret of 32 random bytes that fits into a link or a header."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """The form in which a token is kept: SHA-256 in hex.

    Plain hashing is enough for 32 random bytes; for passwords and six-digit codes it is not.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def hash_code(code: str, *, key: str, purpose: str) -> str:
    """The form in which a six-digit code is kept.

    Keyed, because all million codes could be tried on a plain hash.

    `purpose` (say `phone:+12165550148`) ties the code to what it was sent for.
    """
    return hmac.new(key.encode(), f"{purpose}\0{code}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def is_same_secret(given: str, kept: str) -> bool:
    """Compare two secrets in a time that does not depend on how much of them agrees."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), kept.encode("utf-8", "surrogatepass"))


def new_code() -> str:
    """A one-time code of six digits, leading zeros included."""
    return f"{secrets.randbelow(1_000_000):06d}"


def new_order_number() -> str:
    """A number like LLD-7KQ4-M9XD: one of 31^8, so that nobody finds another's by trying."""
    signs = secrets.token_bytes(8).translate(_SIGNS).decode()
    return f"{ORDER_PREFIX}-{signs[:4]}-{signs[4:]}"


def is_random_order_number(number: str) -> bool:
    """True for a number that `new_order_number` could have made; one that staff chose may be guessed."""
    prefix, *groups = number.split("-")
    is_grouped = prefix == ORDER_PREFIX and [len(group) for group in groups] == [4, 4]
    return is_grouped and set("".join(groups)) <= set(READABLE)


def spell_order_number(text: str) -> list[str]:
    """The numbers that are meant by one as people type it: in any case, with spaces, without its hyphens."""
    number = "".join(text.split()).upper()
    bare = number.replace("-", "")
    return list(dict.fromkeys([number, f"{bare[:-8]}-{bare[-8:-4]}-{bare[-4:]}"])) if len(bare) > 8 else [number]


def mask_username(username: str) -> str:
    """A username with its first and last character kept, `b****o`.

    A shorter one keeps less, so that it stays hidden.
    """
    if len(username) < 3:
        return username[: len(username) - 1] + "*" * min(len(username), 1)
    return username[0] + "*" * (len(username) - 2) + username[-1]


def initials(name: str) -> str:
    """A name as strangers may see it: "Old Mill Tavern" is "O. M. T."."""
    return " ".join(f"{word[0].upper()}." for word in name.split())
