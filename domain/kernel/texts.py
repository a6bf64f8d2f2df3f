"""Text as people see it: composed in one way, without what nobody sees at its ends, and look-alikes as one name.

Search ignores case, accents and the kind of apostrophe; that folding stands in the database (`ladle_fold`).
"""

import unicodedata

# What can't be seen: format characters, spaces of every kind, fillers that count as letters.
_UNSEEN_CATEGORIES = frozenset({"Cf", "Zs", "Zl", "Zp", "Cc"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def clean_text(text: str) -> str:
    """The text in NFC, without invisible characters at its ends; empty when there is nothing to see."""
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
