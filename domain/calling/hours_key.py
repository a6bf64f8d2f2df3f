"""The calling hours of an entry, stored with it as text, so that one statement finds all that are open now."""

from domain.calling.hours import Place
from domain.calling.rules import find_place

_BETWEEN = "|"


def find_hours_key(phone: str | None, zip_code: str = "", state: str = "") -> str:
    """Return the zones and the state of a place as one text, such as `RI|America/New_York`."""
    place = find_place(phone, zip_code, state)
    return _BETWEEN.join((place.state, *place.zones))


def read_hours_key(key: str) -> Place:
    """Return the place that a key describes."""
    state, *zones = key.split(_BETWEEN)
    return Place(tuple(zones), state)
