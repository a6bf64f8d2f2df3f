"""When subscriptions renew: dates of the business's own calendar, counted in whole days whatever the clocks do."""

from datetime import date, datetime, timedelta, tzinfo

RENEWING_HOUR = 7


def has_renewing_begun(moment: datetime, zone: tzinfo) -> bool:
    """True from the renewing hour to the end of a business day, by the wall clock of the business."""
    return moment.astimezone(zone).hour >= RENEWING_HOUR


def choose_next_date(due: date, interval_days: int, *, renewed_on: date) -> date:
    """The date after one that was due: an interval later, and never in the past of the day of the renewal.

    A renewal that came late keeps the rhythm of its dates; one that was late by an interval or more begins it again.
    """
    interval = timedelta(days=interval_days)
    following = due + interval
    return following if following > renewed_on else renewed_on + interval
