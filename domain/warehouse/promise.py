"""By when an order is promised to leave: the same working day for what came before noon, else the next, by 4 pm."""

from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

import holidays

ORDERED_BEFORE = time(12, 0)
LEAVES_BY = time(16, 0)


@lru_cache(maxsize=1)
def _days_off() -> holidays.HolidayBase:
    return holidays.country_holidays("US")


def promised_at(placed_at: datetime, zone: tzinfo) -> datetime:
    """The moment by which the order leaves; weekends and federal holidays are no working days."""
    placed = placed_at.astimezone(zone)
    day = placed.date()
    if placed.time() >= ORDERED_BEFORE or is_day_off(day):
        day += timedelta(days=1)
    while is_day_off(day):
        day += timedelta(days=1)
    return datetime.combine(day, LEAVES_BY, tzinfo=zone)


@lru_cache(maxsize=8)
def list_promises(first: date, last: date, zone: tzinfo) -> tuple[tuple[datetime, datetime], ...]:
    """Since which moment of these days an order is promised for which, the earliest first."""
    found: list[tuple[datetime, datetime]] = []
    for number in range((last - first).days + 1):
        for begins in (time(), ORDERED_BEFORE):
            placed = datetime.combine(first + timedelta(days=number), begins, tzinfo=zone)
            promised = promised_at(placed, zone)
            if not found or found[-1][1] != promised:
                found.append((placed, promised))
    return tuple(found)


def is_day_off(day: date) -> bool:
    """True for weekends and federal holidays."""
    return day.weekday() >= 5 or day in _days_off()
