"""Text as people see it: composed in one way, without what nobody sees at its ends, and look-alikes as one name.

A search ignores the case, accents and the kind of apostrophe.
"""

import re
import unicodedata

from models.accents import ACCENTED, PLAIN

_WITHOUT_ACCENTS = str.maketrans(ACCENTED, PLAIN)
_LIKE_SPECIAL = re.compile(r"([\\%_])")
# A phone's keyboard writes another apostrophe than a computer's; in a search each stands for all.
_APOSTROPHES = re.compile("['\u2019\u2018\u02bc\u2032`\u00b4]")
# What can't be seen: format characters, spaces of every kind, fillers that count as letters.
_UNSEEN_CATEGORIES = frozenset({"Cf", "Zs", "Zl", "Zp", "Cc"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
USERNAME_MARKS = frozenset("._-")


def clean_text(text: str) -> str:
    """The text in NFC, without invisible characters at its ends; empty when there is nothing to see.

    A line ends in one character, whichever program wrote it.
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
    return composed[start:end]


def is_unseen(letter: str) -> bool:
    """True for a character that leaves nothing on a page."""
    return letter in _FILLERS or unicodedata.category(letter) in _UNSEEN_CATEGORIES


def normalise_username(name: str) -> str:
    """A username as it is kept and compared: full-width letters and the like are the letters they stand for."""
    return unicodedata.normalize("NFKC", name).strip()


def find_username_fault(name: str, *, most: int) -> str | None:
    """What is wrong with a normalised username, if anything: names are compared in lower case.

    A single letter may stand for several, so that a name can have grown longer than the `most` letters allowed.
    """
    if len(name) > most:
        return f"must be at most {most} characters"
    if not all((letter.isalnum() and not is_unseen(letter)) or letter in USERNAME_MARKS for letter in name):
        return "must consist of letters, digits, dots, hyphens and underscores"
    if name.lower() != name.casefold():
        return "has letters that can be written in two ways; write it otherwise"
    return None


def fold_accents(text: str) -> str:
    """A text in lower case as the columns that are searched hold it: `crêpe` as `crepe`."""
    return unicodedata.normalize("NFC", text).translate(_WITHOUT_ACCENTS)


def as_search_pattern(text: str) -> str:
    """A text in lower case as part of a LIKE pattern for `search_text`, where accents do not count."""
    return as_pattern(fold_accents(text))


def as_pattern(text: str) -> str:
    """A text as part of a LIKE pattern that means itself, whichever apostrophe it is written with."""
    return _APOSTROPHES.sub("_", _LIKE_SPECIAL.sub(r"\\\1", text))
