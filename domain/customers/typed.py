"""Converts what somebody types about a customer to its stored form: numbers with extensions, addresses in parts."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from domain.kernel.addresses import parse_address
from domain.kernel.input_errors import bad_field
from domain.kernel.phone import parse_phone

_PLAIN = re.compile(r"\+?[\d\s().\-/]+")
STATES = frozenset(
    {
        "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY",
        "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH",
        "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY",
        "AS", "GU", "MP", "PR", "VI", "AA", "AE", "AP",
    }
)  # fmt: skip
ZIP = re.compile(r"\d{5}(-?\d{4})?", re.ASCII)


def read_phone(text: str) -> tuple[str | None, str]:
    """Return a typed number in E.164, and the text if it says more than the number (an extension, a name)."""
    phone = parse_phone(text)
    return phone, text if phone is None or not _PLAIN.fullmatch(text) else ""


def read_address(text: str) -> dict[str, str]:
    """Return the five parts of an address by name; if it can't be parsed, all of it is the street."""
    parsed = parse_address(text)
    return {
        "street": parsed.street,
        "city": parsed.city,
        "state": parsed.state,
        "zip": parsed.zip,
        "country": parsed.country,
    }


def find_address_fault(state: str, zip_code: str, country: str = "US") -> str:
    """Return what is wrong with the state or the ZIP of a US address; an empty string if nothing is."""
    if country != "US":
        return ""
    if state and state.upper() not in STATES:
        return f"{state} is not a US state"
    if zip_code and not ZIP.fullmatch(zip_code):
        return "the ZIP must have 5 or 9 digits"
    return ""


def _check_address(text: str) -> str:
    parts = read_address(text)
    if fault := find_address_fault(parts["state"], parts["zip"], parts["country"]):
        raise bad_field(fault)
    return text


# An address as one line: "88 Grist Road, Alder Falls, OH 44099"; if it can't be parsed, all of it is the street.
AddressIn = Annotated[str, StringConstraints(max_length=200), AfterValidator(_check_address)]
