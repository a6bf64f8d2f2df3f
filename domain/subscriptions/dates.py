"""When subscriptions renew: business dates, counted in whole days regardless of clock changes."""

from datetime import date, datetime, timedelta, tzinfo

RENEWING_HOUR = 7


def has_renewing_begun(moment: datetime, zone: tzinfo) -> bool:
    """Return True from the renewing hour to the end of a business day, in local time."""
    return moment.astimezone(zone).hour >= RENEWING_HOUR


def choose_next_date(due: date, interval_days: int, *, renewed_on: date) -> date:
    """Return the next date after one that was due: one interval later, but not before the day of the renewal.

    A late renewal keeps the rhythm of the dates; one that is late by an interval or more starts a new rhythm.
    """
    interval = timedelta(days=interval_days)
    following = due + interval
    return following if following > renewed_on else renewed_on + interval
