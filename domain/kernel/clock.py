"""Time: instants are UTC and timezone-aware, while "today" and months follow the business time zone.

A business day may have 23 or 25 hours, so its bounds are calculated from local times, never by adding hours.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def business_date(moment: datetime, zone: tzinfo) -> date:
    """Return the date of a moment in the business time zone."""
    return moment.astimezone(zone).date()


def business_today(zone: tzinfo) -> date:
    """Return the current date in the business time zone."""
    return business_date(now(), zone)


def start_of_business_day(day: date, zone: tzinfo) -> datetime:
    """Return the first instant of a business day, in UTC.

    If the clocks skip midnight, the day begins with its first minute; if midnight occurs twice, with the first one.
    """
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def business_day_bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the start of a business day and the start of the next one, in UTC."""
    return start_of_business_day(day, zone), start_of_business_day(day + timedelta(days=1), zone)


def business_range_bounds(first: date, last: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the start of the first business day and the start of the day after the last one, in UTC."""
    return start_of_business_day(first, zone), start_of_business_day(last + timedelta(days=1), zone)


def first_of_month(day: date) -> date:
    """Return the first date of the month that contains a date."""
    return day.replace(day=1)


def add_months(day: date, months: int) -> date:
    """Return the same day some months later or earlier; if that month is too short, its last day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, days_in_month(year, month + 1)))


def days_in_month(year: int, month: int) -> int:
    """Return the number of days in a month."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date(year, month, 1)).days


def last_of_close(day: date, zone: tzinfo) -> date:
    """Return the last date of a date's month; for the current month, today."""
    first = first_of_month(day)
    return min(add_months(first, 1) - timedelta(days=1), max(business_today(zone), first))
