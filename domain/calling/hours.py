"""When people may be called, in their local time: hours by state as data, a default for all others, no holidays.

A row of `calling_hours.csv` applies only once someone has read its statute (`verified_on`); until then the default
applies. Nothing in the file allows calls before 8 in the morning or after 9 in the evening.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import holidays

EARLIEST = time(8)
LATEST = time(21)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS_AHEAD = 15

Window = tuple[time, time]


@dataclass(frozen=True, slots=True)
class StateHours:
    """The hours of one state: a window for each day of the week (Monday first, None = closed) and the source."""

    state: str
    windows: tuple[Window | None, ...]
    text: str
    statute: str
    source: str
    verified_on: date | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where someone may be: every zone must be open, by the hours of the state (empty = the default)."""

    zones: tuple[str, ...]
    state: str = ""


def read_windows(text: str) -> tuple[Window | None, ...]:
    """Parse "mon-fri 09:00-18:00 sat 10:00-17:00" into a window for each day, never beyond 8 to 21."""
    windows: list[Window | None] = [None] * 7
    words = text.split()
    for days, hours in zip(words[::2], words[1::2], strict=True):
        first, _, last = days.partition("-")
        opens, closes = (time.fromisoformat(part) for part in hours.split("-"))
        for day in range(_DAYS.index(first), _DAYS.index(last or first) + 1):
            windows[day] = (max(opens, EARLIEST), min(closes, LATEST))
    return tuple(windows)


DEFAULT_TEXT = "mon-sat 10:00-20:00"
DEFAULT_WINDOWS = read_windows(DEFAULT_TEXT)


@cache
def read_state_hours() -> Mapping[str, StateHours]:
    """Return the rows of the file by state, verified or not."""
    rows = csv.DictReader(
        files("domain.calling").joinpath("calling_hours.csv").read_text(encoding="utf-8").splitlines()
    )
    return {
        row["state"]: StateHours(
            row["state"],
            read_windows(row["hours"]),
            row["hours"],
            row["statute"],
            row["source"],
            date.fromisoformat(row["verified_on"]) if row["verified_on"] else None,
        )
        for row in rows
    }


def find_windows(state: str) -> tuple[Window | None, ...]:
    """Return the windows that apply in a state: those of its verified row, else the default."""
    row = read_state_hours().get(state)
    return row.windows if row is not None and row.verified_on else DEFAULT_WINDOWS


def find_holiday(day: date) -> str | None:
    """Return the federal holiday observed on a date, if any."""
    return _holidays_of(day.year).get(day)


@cache
def _holidays_of(year: int) -> Mapping[date, str]:
    # An observed New Year's Day may be in the year before.
    named = holidays.country_holidays("US", years=[year, year + 1])
    return {day: name for day, name in named.items() if day.year == year}


def is_open(place: Place, at: datetime) -> bool:
    """True if every zone of the place is within its hours at this instant."""
    return all(_is_open_in(zone, place.state, at) for zone in place.zones)


def _is_open_in(zone: str, state: str, at: datetime) -> bool:
    local = at.astimezone(load_zone(zone))
    if find_holiday(local.date()):
        return False
    window = find_windows(state)[local.weekday()]
    return window is not None and window[0] <= local.time() < window[1]


def find_next_opening(place: Place, after: datetime) -> datetime | None:
    """Return the first instant from `after` on at which the place is open; None if there is none within two weeks."""
    if is_open(place, after):
        return after
    return next((at for at in _openings(place, after.date()) if at > after and is_open(place, at)), None)


@lru_cache(maxsize=4096)
def _openings(place: Place, day: date) -> Sequence[datetime]:
    """Return every instant at which one of the zones opens, from the day before on, earliest first."""
    windows = find_windows(place.state)
    days = [day + timedelta(days=ahead) for ahead in range(-1, _DAYS_AHEAD)]
    return sorted(
        datetime.combine(each, window[0], tzinfo=load_zone(zone)).astimezone(UTC)
        for zone in place.zones
        for each in days
        if (window := windows[each.weekday()]) is not None
    )


@cache
def load_zone(name: str) -> ZoneInfo:
    """Return the entry of a zone in the time zone database."""
    return ZoneInfo(name)
