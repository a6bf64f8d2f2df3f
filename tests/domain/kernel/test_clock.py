"""Business days and months begin and end on the wall clock, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.clock import (
    add_months,
    business_date,
    business_day_bounds,
    business_range_bounds,
    business_today,
    days_in_month,
    now,
)

CHICAGO = ZoneInfo("America/Chicago")


def test_now_is_aware_and_utc() -> None:
    assert now().tzinfo is UTC
    assert business_today(CHICAGO) in {now().astimezone(CHICAGO).date(), (now() - timedelta(1)).date()}


@pytest.mark.parametrize(
    ("day", "start", "hours"),
    [
        (date(2026, 11, 24), datetime(2026, 11, 24, 6, tzinfo=UTC), 24),
        (date(2026, 3, 8), datetime(2026, 3, 8, 6, tzinfo=UTC), 23),
        (date(2026, 11, 1), datetime(2026, 11, 1, 5, tzinfo=UTC), 25),
    ],
)
def test_a_business_day_is_as_long_as_the_clocks_make_it(day: date, start: datetime, hours: int) -> None:
    assert business_day_bounds(day, CHICAGO) == (start, start + timedelta(hours=hours))


def test_a_day_without_midnight_begins_with_its_first_minute() -> None:
    # Beirut's clocks go from midnight straight to one o'clock.
    start, end = business_day_bounds(date(2021, 3, 28), ZoneInfo("Asia/Beirut"))
    assert start == datetime(2021, 3, 27, 22, tzinfo=UTC)
    assert end - start == timedelta(hours=23)


def test_late_evening_belongs_to_the_business_date() -> None:
    assert business_date(datetime(2026, 11, 25, 5, 59, tzinfo=UTC), CHICAGO) == date(2026, 11, 24)
    assert business_date(datetime(2026, 11, 25, 6, 0, tzinfo=UTC), CHICAGO) == date(2026, 11, 25)


def test_a_month_runs_from_its_first_day_to_the_next_ones() -> None:
    assert business_range_bounds(date(2026, 11, 1), date(2026, 11, 30), CHICAGO) == (
        datetime(2026, 11, 1, 5, tzinfo=UTC),
        datetime(2026, 12, 1, 6, tzinfo=UTC),
    )


def test_months_are_added_on_the_calendar() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2028, 1, 31), 1) == date(2028, 2, 29)
    assert add_months(date(2026, 1, 15), -1) == date(2025, 12, 15)
    assert add_months(date(2026, 12, 1), 1) == date(2027, 1, 1)
    assert [days_in_month(2026, month) for month in (1, 2, 4, 12)] == [31, 28, 30, 31]


@given(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    st.sampled_from(["America/Chicago", "Asia/Beirut", "Asia/Tokyo"]),
)
def test_one_days_end_is_the_next_days_start(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    start, end = business_day_bounds(day, zone)
    assert start < end == business_day_bounds(day + timedelta(days=1), zone)[0]
    assert business_date(start, zone) == day
    assert business_date(end - timedelta(microseconds=1), zone) == day
