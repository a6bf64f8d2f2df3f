"""Normalises text: Unicode composition, invisible characters at the ends, and usernames that look alike.

Search ignores case, accents and the kind of apostrophe.
"""

import re
import unicodedata

from domain.kernel.emails import normalise_email
from models.accents import ACCENTED, PLAIN

_WITHOUT_ACCENTS = str.maketrans(ACCENTED, PLAIN)
_LIKE_SPECIAL = re.compile(r"([\\%_])")
# Phone keyboards write another apostrophe than computers; in a search, each matches all.
_APOSTROPHES = re.compile("['\u2019\u2018\u02bc\u2032`\u00b4]")
# Invisible characters: format characters, spaces of every kind, and fillers that count as letters.
_UNSEEN_CATEGORIES = frozenset({"Cf", "Zs", "Zl", "Zp", "Cc"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# They select how the preceding character is drawn, and are invisible themselves.
_SELECTORS = "\u034f\u180b\u180c\u180d\u180f" + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
# They change the direction of the text around them (UAX 9), so that a name can be shown as another, or reorder what
# stands beside it. Letters have their direction without them.
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
USERNAME_MARKS = frozenset("._-")


def clean_text(text: str) -> str:
    """Return the text like `trim_text`, also without direction marks.

    These are left out, not refused: a keyboard or another program writes them into Arabic and Hebrew names, which read
    the same without them.
    """
    return trim_text(text if text.isascii() else _DIRECTIONS.sub("", text).strip())


def trim_text(text: str) -> str:
    """Return the text in NFC, without invisible characters at its ends; empty if nothing is visible.

    Line endings become a single line feed. ASCII text is otherwise unchanged.
    """
    text = text.replace("\r\n", "\n")
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFC", text)
    start, end = 0, len(composed)
    while start < end and is_unseen(composed[start]):
        start += 1
    while end > start and is_unseen(composed[end - 1]):
        end -= 1
    kept = composed[start:end]
    return kept if kept.strip(_SELECTORS) else ""


def is_unseen(letter: str) -> bool:
    """Return True for a character that is not visible on a page."""
    return letter in _FILLERS or unicodedata.category(letter) in _UNSEEN_CATEGORIES


def normalise_username(name: str) -> str:
    """Return a username as it is stored and compared, in NFKC: full-width letters, for example, become plain.

    An email address used as a username is stored like the email.
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    return (normalise_email(plain) or plain) if "@" in plain else plain


def find_username_fault(name: str, *, most: int) -> str | None:
    """Return what is wrong with a normalised username, or None. Names are compared in lower case.

    NFKC may replace a letter by several, so a name can have become longer than the `most` letters allowed.
    """
    if len(name) > most:
        return f"must be at most {most} characters"
    if not all((letter.isalnum() and not is_unseen(letter)) or letter in USERNAME_MARKS for letter in name):
        return "must consist of letters, digits, dots, hyphens and underscores"
    if name.lower() != name.casefold():
        return "has letters that can be written in two ways; use different letters"
    return None


def fold_accents(text: str) -> str:
    """Return a lower-case text as the search columns contain it: `crêpe` as `crepe`."""
    return unicodedata.normalize("NFC", text).translate(_WITHOUT_ACCENTS)


def as_search_pattern(text: str) -> str:
    """Return a lower-case text as part of a LIKE pattern for `search_text`, which ignores accents.

    An email address is searched for as it is stored.
    """
    email = normalise_email(text) if "@" in text and not text.isascii() else None
    return as_pattern(email or fold_accents(text))


def as_pattern(text: str) -> str:
    """Return a text as part of a LIKE pattern that matches it literally, with any kind of apostrophe."""
    return _APOSTROPHES.sub("_", _LIKE_SPECIAL.sub(r"\\\1", text))
