"""The time of day: instants are UTC and aware, while "today" and months follow the business's own time zone.

A business day may have 23 or 25 hours; its bounds are therefore worked out on the wall clock, never by adding
hours.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def business_date(moment: datetime, zone: tzinfo) -> date:
    """The date that the business's calendar shows at an instant."""
    return moment.astimezone(zone).date()


def business_today(zone: tzinfo) -> date:
    """The date that the business's calendar shows now."""
    return business_date(now(), zone)


def start_of_business_day(day: date, zone: tzinfo) -> datetime:
    """The first instant of a business day, in UTC.

    Where the clocks skip midnight the day begins with its first minute; where midnight comes twice, with the
    first.
    """
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def business_day_bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The instants from which and before which a business day lasts, in UTC."""
    return start_of_business_day(day, zone), start_of_business_day(day + timedelta(days=1), zone)


def business_range_bounds(first: date, last: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The instants from which and before which a stretch of whole business days lasts, in UTC."""
    return start_of_business_day(first, zone), start_of_business_day(last + timedelta(days=1), zone)


def first_of_month(day: date) -> date:
    """The first date of the month that a date lies in."""
    return day.replace(day=1)


def add_months(day: date, months: int) -> date:
    """The same day some months later or earlier; a day the month does not have becomes its last one."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, days_in_month(year, month + 1)))


def days_in_month(year: int, month: int) -> int:
    """How many days a month has."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date(year, month, 1)).days


def last_of_close(day: date, zone: tzinfo) -> date:
    """The last date of the month around a date, and of the running month today."""
    first = first_of_month(day)
    return min(add_months(first, 1) - timedelta(days=1), max(business_today(zone), first))
