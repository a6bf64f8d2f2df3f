"""Postal addresses: stored in parts, and read and written as one line where the contract has a single string."""

import re
from dataclasses import dataclass

HOME_COUNTRY = "US"
_HOME_NAMES = {"", "us", "usa", "u.s.", "u.s.a.", "united states", "united states of america"}

_STATE_AND_ZIP = re.compile(r"([A-Za-z]{2})\s+([0-9]{5}(?:-[0-9]{4})?)", re.ASCII)


STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky",
    "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota",
    "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
    "AS": "American Samoa", "GU": "Guam", "MP": "Northern Mariana Islands", "PR": "Puerto Rico",
    "VI": "Virgin Islands", "AA": "Armed Forces Americas", "AE": "Armed Forces Europe", "AP": "Armed Forces Pacific",
}  # fmt: skip
_BY_NAME = {name.lower(): code for code, name in STATES.items()}
_ZIPS_BEGIN_WITH_ZERO = frozenset({"AE", "CT", "MA", "ME", "NH", "NJ", "PR", "RI", "VI", "VT"})
_WITHOUT_ZEROS = re.compile(r"[0-9]{3,4}|[0-9]{7,8}", re.ASCII)
_ZIP = re.compile(r"([0-9]{5})(?:[- ]?([0-9]{4}))?", re.ASCII)


def read_state(text: str) -> str | None:
    """Return the two letters of a US state given by its letters or its name; None for anything else."""
    word = " ".join(text.replace(".", "").split())
    return word.upper() if word.upper() in STATES else _BY_NAME.get(word.lower())


def read_zip(text: str) -> str | None:
    """Return a ZIP code of five digits, or of nine with a hyphen; None for anything else."""
    found = _ZIP.fullmatch(text.strip())
    if found is None:
        return None
    return f"{found[1]}-{found[2]}" if found[2] else found[1]


def restore_zip(text: str, state: str) -> str:
    """Return a ZIP code from a spreadsheet with the leading zeros that it took off, or the text if it is no ZIP code.

    Zeros are added only in states whose ZIP codes begin with one; `state` is its two letters.
    """
    digits = text.strip()
    if state in _ZIPS_BEGIN_WITH_ZERO and _WITHOUT_ZEROS.fullmatch(digits):
        digits = digits.zfill(5 if len(digits) < 5 else 9)
    return read_zip(digits) or text


def is_home(country: str | None) -> bool:
    """Return True for the US, which is the default for an address without a country."""
    return (country or "").strip().lower() in _HOME_NAMES


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address. If it could not be parsed, all of it is in `street`."""

    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = HOME_COUNTRY


def parse_address(text: str) -> Address:
    """Parse "88 Grist Road, Alder Falls, OH 44099" into its parts; any other text becomes the street, unchanged.

    The street may contain commas ("88 Grist Road, Suite 4"). Line breaks count as commas.
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
    """Return an address as one line, "88 Grist Road, Alder Falls, OH 44099"; outside the US followed by the country."""
    state_and_zip = " ".join(part for part in (state, zip_code) if part)
    abroad = "" if is_home(country) else country
    return ", ".join(part for part in (street, city, state_and_zip, abroad) if part)
