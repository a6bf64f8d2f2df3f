"""The hours that count for an entry, kept with it as text, so that one statement finds all that are open now."""

from domain.calling.hours import Place
from domain.calling.rules import find_place

_BETWEEN = "|"


def find_hours_key(phone: str | None, zip_code: str = "", state: str = "") -> str:
    """The zones and the state of a place in one text, as in `RI|America/New_York`."""
    place = find_place(phone, zip_code, state)
    return _BETWEEN.join((place.state, *place.zones))


def read_hours_key(key: str) -> Place:
    """The place that a key names."""
    state, *zones = key.split(_BETWEEN)
    return Place(tuple(zones), state)
