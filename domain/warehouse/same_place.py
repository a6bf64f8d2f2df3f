"""Whether two spellings of a US address are one place, as carriers write it: capitals, shortened words, ZIP+4."""

import re

# How carriers shorten the words of a street.
_SHORT = {
    "street": "st", "avenue": "ave", "road": "rd", "boulevard": "blvd", "drive": "dr", "lane": "ln", "court": "ct",
    "place": "pl", "square": "sq", "terrace": "ter", "highway": "hwy", "parkway": "pkwy", "circle": "cir",
    "trail": "trl", "suite": "ste", "apartment": "apt", "floor": "fl", "building": "bldg", "north": "n", "south": "s",
    "east": "e", "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
}  # fmt: skip
_WORD = re.compile(r"\w+")


def fold_place(street: str, city: str, state: str, zip_code: str) -> tuple[str, ...]:
    """The parts of an address as all spellings of the same place have them."""
    words = (_SHORT.get(word, word) for word in _WORD.findall(street.casefold()))
    return " ".join(words), *(" ".join(part.casefold().split()) for part in (city, state)), zip_code.strip()[:5]
