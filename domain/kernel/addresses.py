"""Postal addresses: kept in parts, sent and answered as one line where the contract has a single string."""

import re
from dataclasses import dataclass

HOME_COUNTRY = "US"
_HOME_NAMES = {"", "us", "usa", "u.s.", "u.s.a.", "united states", "united states of america"}

_STATE_AND_ZIP = re.compile(r"([A-Za-z]{2})\s+([0-9]{5}(?:-[0-9]{4})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where something goes; an address that was not understood is all street."""

    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = HOME_COUNTRY


def parse_address(text: str) -> Address:
    """Read "88 Grist Road, Alder Falls, OH 44099" into its parts; anything else is kept as typed, as the street.

    The street may have commas of its own ("88 Grist Road, Suite 4"), and lines count as commas.
    """
    parts = [part.strip() for line in text.splitlines() for part in line.split(",") if part.strip()]
    if len(parts) > 3 and parts[-1].lower() in _HOME_NAMES:
        parts.pop()
    found = _STATE_AND_ZIP.fullmatch(parts[-1]) if len(parts) >= 3 else None
    if found is None:
        return Address(street=text.strip())
    return Address(", ".join(parts[:-2]), parts[-2], found[1].upper(), found[2])


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
