"""Postal addresses: kept in parts, sent and answered as one line where the contract has a single string."""

import re
from dataclasses import dataclass

HOME_COUNTRY = "US"
_HOME_NAMES = {"", "us", "usa", "u.s.", "u.s.a.", "united states", "united states of america"}

# ", City, ST 12345" at the end; the street before it may have commas of its own ("88 Grist Road, Suite 4").
_CITY_STATE_ZIP = re.compile(
    r"(?P<street>.*\S)\s*,\s*(?P<city>[^,]*[^,\s])\s*,\s*(?P<state>[A-Za-z]{2})\s+(?P<zip>[0-9]{5}(?:-[0-9]{4})?)"
    r"(?:\s*,\s*(?P<country>USA?|U\.S\.A?\.|United States(?: of America)?))?",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where something goes; an address that was not understood is all street."""

    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = HOME_COUNTRY


def parse_address(text: str) -> Address:
    """Read "88 Grist Road, Alder Falls, OH 44099" into its parts; anything else is kept whole as the street."""
    cleaned = re.sub(r"\s*[\r\n]+\s*", ", ", text.strip())
    found = _CITY_STATE_ZIP.fullmatch(cleaned)
    if found is None:
        return Address(street=cleaned)
    return Address(found["street"].rstrip(", "), found["city"], found["state"].upper(), found["zip"])


def compose_address(
    street: str | None,
    city: str | None = None,
    state: str | None = None,
    zip_code: str | None = None,
    country: str | None = None,
) -> str:
    """Write an address as one line, "88 Grist Road, Alder Falls, OH 44099"; abroad, the country ends it."""
    state_and_zip = " ".join(part for part in (state, zip_code) if part)
    abroad = "" if (country or "").strip().lower() in _HOME_NAMES else country
    return ", ".join(part for part in (street, city, state_and_zip, abroad) if part)
