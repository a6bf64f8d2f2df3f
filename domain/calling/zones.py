"""The time zones in which someone may be: the ZIP's, narrowed by the number's; without a ZIP only the number's.

With several zones, a call must be allowed in all of them, so a number's zone only narrows what a ZIP allows.
"""

import csv
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

import phonenumbers
import ziptz
from phonenumbers import NumberParseException
from phonenumbers import timezone as phone_zones

# A call that is allowed in all of these is allowed everywhere in the United States.
US_ZONES = (
    "America/Adak",
    "America/Anchorage",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/New_York",
    "America/Phoenix",
    "Pacific/Honolulu",
)
_MOST_ZONES = 4
_UNKNOWN = "Etc/Unknown"
# Other names of the same clock, so that a ZIP and a number that agree are recognized.
_SAME_CLOCK = {
    "America/Boise": "America/Denver",
    "America/Detroit": "America/New_York",
    "America/Indiana/Indianapolis": "America/New_York",
    "America/Juneau": "America/Anchorage",
    "America/Kentucky/Louisville": "America/New_York",
    "America/Menominee": "America/Chicago",
    "America/North_Dakota/Center": "America/Chicago",
}


def find_zones(phone: str | None, zip_code: str) -> tuple[str, ...]:
    """Return the zones in all of which a call must be allowed, sorted; every US zone if nothing is known.

    Only the zone of the ZIP applies if the number may belong there too, or is inconclusive.
    """
    by_number = find_number_zones(phone) if phone else ()
    by_zip = find_zip_zone(zip_code)
    if by_zip:
        return (by_zip,) if not by_number or by_zip in by_number else tuple(sorted({by_zip, *by_number}))
    return by_number or US_ZONES


def find_zip_zone(zip_code: str) -> str | None:
    """Return the zone of a ZIP of five or nine digits; None for an invalid one."""
    return _find_zone_of_five(zip_code.strip()[:5])


@lru_cache(maxsize=65536)
def _find_zone_of_five(digits: str) -> str | None:
    try:
        zone = ziptz.zone(digits)
    except ziptz.ZipError:
        return None
    return _SAME_CLOCK.get(zone, zone)


# More than a large company has customers: who asks for all in turn at night finds nobody again in a smaller cache.
@lru_cache(maxsize=131_072)
def find_number_zones(phone: str) -> tuple[str, ...]:
    """Return the zones that an E.164 number may belong to; none if they are unknown or more than four."""
    if listed := read_area_codes().get(phone[2:5] if phone.startswith("+1") else ""):
        return listed
    try:
        found = phone_zones.time_zones_for_number(phonenumbers.parse(phone, None))
    except NumberParseException:
        return ()
    zones = {_SAME_CLOCK.get(zone, zone) for zone in found} - {_UNKNOWN}
    return tuple(sorted(zones)) if 0 < len(zones) <= _MOST_ZONES else ()


@cache
def read_area_codes() -> Mapping[str, tuple[str, ...]]:
    """Return the area codes in several zones, or whose zone is wrong in `phonenumbers`, with their zones."""
    rows = csv.DictReader(files("domain.calling").joinpath("area_codes.csv").read_text(encoding="utf-8").splitlines())
    return {row["area_code"]: tuple(sorted(row["zones"].split())) for row in rows}
