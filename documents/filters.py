"""How pages and mails format money, dates, phone numbers and other numbers: one format for each, everywhere.

A missing value (None) is formatted as an en dash, so that an empty cell is not mistaken for an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment

from domain.kernel.money import format_money
from domain.kernel.phone import format_phone

NOTHING = "–"
MINUS = "−"
Number = Decimal | float | int
_CLOCK = re.compile(r"(\d) ([ap]m)\b")
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def show_money(value: Decimal | float | None) -> str:
    """Format an amount as `$1,784.90`; the minus of a negative one is before the dollar sign."""
    if value is None:
        return NOTHING
    return format_money(value if type(value) is Decimal else Decimal(str(value)))


def format_number(value: Number | None, places: int = 0) -> str:
    """Format a count or measure as `1,286`, with a fixed number of decimal places."""
    if value is None:
        return NOTHING
    if type(value) is int and not places:
        return f"{value:,}" if value >= 0 else f"{MINUS}{-value:,}"
    number = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{MINUS if number < 0 else ''}{abs(number):,.{places}f}"


def format_percent(value: Number | None, places: int = 1) -> str:
    """Format a share as `8.4%`; the value is in percent already, not a fraction."""
    return NOTHING if value is None else f"{format_number(value, places)}%"


def format_points(value: Number) -> str:
    """Format the difference of two percentages in points: `0.3 points` between 8.1% and 8.4%."""
    return f"{format_number(value, 1)} points"


def format_plural(count: int, one: str, many: str = "") -> str:
    """Format a count with its noun: `1 order`, `1,286 orders`."""
    return f"{format_number(count)} {one if count == 1 else many or one + 's'}"


def show_phone(value: str | None) -> str:
    """Format a stored number as `(216) 555-0148` or in international form; an unparsed one as it was entered."""
    return _write_phone(value) if value else NOTHING


_write_phone = lru_cache(maxsize=4096)(format_phone)


def format_date(value: date | None, zone: tzinfo = UTC) -> str:
    """Format a day as `Nov 23, 2026`; an instant is converted to the business's time zone first."""
    if value is None:
        return NOTHING
    day = value.astimezone(zone).date() if isinstance(value, datetime) else value
    return f"{_write_day(day)}, {day.year}"


def format_day(value: date | None, zone: tzinfo = UTC, *, today: date) -> str:
    """Format a day in a list: `Nov 23` in this year, else with the year."""
    if value is None:
        return NOTHING
    day = value.astimezone(zone).date() if isinstance(value, datetime) else value
    return _write_day(day) if day.year == today.year else format_date(day)


def _write_day(day: date) -> str:
    """The day and its month, on one line."""
    return f"{MONTHS[day.month]}\N{NO-BREAK SPACE}{day.day}"


def format_clock(value: time | datetime) -> str:
    """Format a time of day as `9:41 am`. Its space does not break, so that a line never begins with "am"."""
    return f"{value.hour % 12 or 12}:{value.minute:02}\N{NO-BREAK SPACE}{'am' if value.hour < 12 else 'pm'}"


def keep_clocks(sentence: str) -> str:
    """Return a finished sentence whose times of day do not break either."""
    return _CLOCK.sub("\\1\N{NO-BREAK SPACE}\\2", sentence)


def format_time(value: datetime | None, zone: tzinfo = UTC) -> str:
    """Format the time of day of an instant as `9:41 am`."""
    return NOTHING if value is None else format_clock(value.astimezone(zone))


def format_datetime(value: datetime | None, zone: tzinfo = UTC) -> str:
    """Format an instant on a record as `Nov 22, 2026, 6:52 pm`."""
    return NOTHING if value is None else f"{format_date(value, zone)}, {format_time(value, zone)}"


def format_when(value: datetime | None, zone: tzinfo = UTC, *, today: date) -> str:
    """Format an instant in a list: `Today, 8:04 am`, `Nov 22, 6:52 pm`, with the year if it is not this one."""
    if value is None:
        return NOTHING
    moment = value.astimezone(zone)
    day = moment.date()
    word = "Today" if day == today else format_day(day, today=today)
    return f"{word}, {format_time(moment, zone)}"


def format_at(value: datetime | None, zone: tzinfo = UTC, *, today: date) -> str:
    """Format an instant within a sentence: `today 8:04 am`, `Nov 22, 6:52 pm`."""
    return format_when(value, zone, today=today).replace("Today, ", "today ")


def format_range(first: date, last: date, *, today: date) -> str:
    """Format a period as `Oct 25 – Nov 23`, with years only if it is not within this year."""
    if first.year == last.year == today.year:
        return f"{format_day(first, today=today)} – {format_day(last, today=today)}"
    return f"{format_date(first)} – {format_date(last)}"


def read_initials(name: str) -> str:
    """Return the one or two letters that represent a person in a round mark: `MH` for Maren Holt."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def with_query(args: dict[str, Any], **changes: Any) -> str:
    """Return the page's query string with some values changed, so that links keep the filters; None removes a value."""
    merged = {**args, **changes}
    kept = {name: value for name, value in merged.items() if value not in (None, "", [])}
    return "?" + urlencode(kept, doseq=True)


def register_filters(env: Environment, *, zone: ZoneInfo, today: Callable[[], date]) -> None:
    """Add all filters to a template environment, in the business's time zone; `today` is called at each use."""
    env.filters.update(
        money=show_money,
        number=format_number,
        percent=format_percent,
        plural=format_plural,
        phone=show_phone,
        initials=read_initials,
        date=lambda value: format_date(value, zone),
        day=lambda value: format_day(value, zone, today=today()),
        clocks=keep_clocks,
        time=lambda value: format_time(value, zone),
        datetime=lambda value: format_datetime(value, zone),
        when=lambda value: format_when(value, zone, today=today()),
        at=lambda value: format_at(value, zone, today=today()),
        period=lambda pair: format_range(pair[0], pair[1], today=today()),
        query=with_query,
    )
