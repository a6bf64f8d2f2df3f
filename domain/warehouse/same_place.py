"""Compares US addresses regardless of how carriers spell them: capitals, abbreviations, ZIP+4."""

import re

# The carriers' abbreviations of words in street addresses.
_SHORT = {
    "street": "st", "avenue": "ave", "road": "rd", "boulevard": "blvd", "drive": "dr", "lane": "ln", "court": "ct",
    "place": "pl", "square": "sq", "terrace": "ter", "highway": "hwy", "parkway": "pkwy", "circle": "cir",
    "trail": "trl", "suite": "ste", "apartment": "apt", "floor": "fl", "building": "bldg", "north": "n", "south": "s",
    "east": "e", "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
}  # fmt: skip
_WORD = re.compile(r"\w+")


def fold_place(street: str, city: str, state: str, zip_code: str) -> tuple[str, ...]:
    """Return street, city, state and five-digit ZIP in a form that is equal for all spellings of the same place."""
    words = (_SHORT.get(word, word) for word in _WORD.findall(street.casefold()))
    return " ".join(words), *(" ".join(part.casefold().split()) for part in (city, state)), zip_code.strip()[:5]
