"""When an order is promised to leave: by 4 pm of the same working day if placed before noon, otherwise of the next."""

from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

import holidays

ORDERED_BEFORE = time(12, 0)
LEAVES_BY = time(16, 0)


@lru_cache(maxsize=1)
def _days_off() -> holidays.HolidayBase:
    return holidays.country_holidays("US")


def promised_at(placed_at: datetime, zone: tzinfo) -> datetime:
    """Return the time by which the order leaves. Weekends and federal holidays are not working days."""
    placed = placed_at.astimezone(zone)
    day = placed.date()
    if placed.time() >= ORDERED_BEFORE or is_day_off(day):
        day += timedelta(days=1)
    while is_day_off(day):
        day += timedelta(days=1)
    return datetime.combine(day, LEAVES_BY, tzinfo=zone)


@lru_cache(maxsize=8)
def list_promises(first: date, last: date, zone: tzinfo) -> tuple[tuple[datetime, datetime], ...]:
    """Return pairs for these days, earliest first: from which order time on, and the promised time for it."""
    found: list[tuple[datetime, datetime]] = []
    for number in range((last - first).days + 1):
        for begins in (time(), ORDERED_BEFORE):
            placed = datetime.combine(first + timedelta(days=number), begins, tzinfo=zone)
            promised = promised_at(placed, zone)
            if not found or found[-1][1] != promised:
                found.append((placed, promised))
    return tuple(found)


def is_day_off(day: date) -> bool:
    """Return True for weekends and federal holidays."""
    return day.weekday() >= 5 or day in _days_off()
