"""The tabs of the calling list, and their conditions."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, literal, or_

from domain.calling.visible import ENTRIES
from domain.kernel.clock import business_today, now, start_of_business_day

REST_DAYS = 3
LAPSED_DAYS = 90


class Segment(StrEnum):
    """The tabs of the calling list."""

    PRIORITY = "priority"
    WINDOW = "window"
    LAPSED = "lapsed"
    CALLED = "called"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The dates and instants that separate the tabs, by the business's calendar."""

    today: date
    day_began: datetime
    rested: datetime
    lapsed: datetime


def find_bounds(timezone: tzinfo) -> Bounds:
    """Return the bounds at this moment."""
    today = business_today(timezone)
    lapsed = start_of_business_day(today - timedelta(days=LAPSED_DAYS), timezone)
    return Bounds(today, start_of_business_day(today, timezone), now() - timedelta(days=REST_DAYS), lapsed)


def in_segment(segment: Segment, timezone: tzinfo) -> ColumnElement[bool]:
    """Return the condition of a tab; `counts.py` defines the same for sums."""
    bounds = find_bounds(timezone)
    match segment:
        case Segment.PRIORITY:
            has_rested = or_(ENTRIES.last_called_at.is_(None), ENTRIES.last_called_at < bounds.rested)
            return and_(ENTRIES.phone.is_not(None), has_rested)
        case Segment.WINDOW:
            return literal(bounds.today).between(ENTRIES.window_from, ENTRIES.window_until)
        case Segment.LAPSED:
            return ENTRIES.last_order_at < bounds.lapsed
        case Segment.CALLED:
            return ENTRIES.last_called_at >= bounds.day_began
        case Segment.ALL:
            return ENTRIES.id.is_not(None)
