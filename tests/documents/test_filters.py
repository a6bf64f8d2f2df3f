"""Money, dates, phones and numbers have one form each."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment, StrictUndefined

from documents import filters

CHICAGO = ZoneInfo("America/Chicago")
TODAY = date(2026, 11, 23)


@pytest.fixture
def env() -> Environment:
    made = Environment(undefined=StrictUndefined, autoescape=True)
    filters.register_filters(made, zone=CHICAGO, today=lambda: TODAY)
    return made


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Decimal("1784.90"), "$1,784.90"),
        (Decimal(-1000), "−$1,000.00"),
        (Decimal(0), "$0.00"),
        (Decimal("0.005"), "$0.01"),
        (Decimal("-0.004"), "$0.00"),
        (12, "$12.00"),
        (Decimal("1265793.29"), "$1,265,793.29"),
        (None, "–"),
    ],
)
def test_money_has_two_places_commas_and_a_real_minus(amount: Decimal | int | None, written: str) -> None:
    assert filters.show_money(amount) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("+12165550148", "(216) 555-0148"),
        ("+49300074321", "+49 30 0074321"),
        ("030-0074321 ext", "030-0074321 ext"),
        ("call the bar", "call the bar"),
        (None, "–"),
        ("", "–"),
    ],
)
def test_phones_are_national_at_home_and_international_abroad(value: str | None, written: str) -> None:
    assert filters.show_phone(value) == written


def test_numbers_and_percents_round_half_up() -> None:
    assert filters.format_number(1286) == "1,286"
    assert filters.format_number(Decimal("61.25"), 1) == "61.3"
    assert filters.format_number(-4) == "−4"
    assert filters.format_percent(8.44) == "8.4%"
    assert filters.format_percent(None) == "–"


def test_a_count_takes_its_noun() -> None:
    assert filters.format_plural(1, "order") == "1 order"
    assert filters.format_plural(1286, "order") == "1,286 orders"
    assert filters.format_plural(2, "entry", "entries") == "2 entries"


def test_moments_are_shown_in_the_time_of_the_business(env: Environment) -> None:
    late = datetime(2026, 11, 24, 5, 30, tzinfo=UTC)
    assert (
        env.from_string("{{ at | datetime }}").render(at=late)
        == "Nov\N{NO-BREAK SPACE}23, 2026, 11:30\N{NO-BREAK SPACE}pm"
    )
    assert env.from_string("{{ at | date }}").render(at=late) == "Nov\N{NO-BREAK SPACE}23, 2026"
    assert env.from_string("{{ at | when }}").render(at=late) == "Today, 11:30\N{NO-BREAK SPACE}pm"


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 11, 23, 14, 4, tzinfo=UTC), "Today, 8:04\N{NO-BREAK SPACE}am"),
        (datetime(2026, 11, 23, 0, 52, tzinfo=UTC), "Nov\N{NO-BREAK SPACE}22, 6:52\N{NO-BREAK SPACE}pm"),
        (datetime(2026, 11, 22, 18, 0, tzinfo=UTC), "Nov\N{NO-BREAK SPACE}22, 12:00\N{NO-BREAK SPACE}pm"),
        (datetime(2025, 12, 31, 6, 5, tzinfo=UTC), "Dec\N{NO-BREAK SPACE}31, 2025, 12:05\N{NO-BREAK SPACE}am"),
        (None, "–"),
    ],
)
def test_a_list_leaves_out_this_year_and_says_today(moment: datetime | None, written: str) -> None:
    assert filters.format_when(moment, CHICAGO, today=TODAY) == written


def test_a_moment_stands_within_a_sentence() -> None:
    assert (
        filters.format_at(datetime(2026, 11, 23, 14, 4, tzinfo=UTC), CHICAGO, today=TODAY)
        == "today 8:04\N{NO-BREAK SPACE}am"
    )
    assert (
        filters.format_at(datetime(2026, 11, 23, 0, 52, tzinfo=UTC), CHICAGO, today=TODAY)
        == "Nov\N{NO-BREAK SPACE}22, 6:52\N{NO-BREAK SPACE}pm"
    )


def test_a_sentence_keeps_its_times_whole(env: Environment) -> None:
    said = "It is 7:40 am there; calls are made from 10 am to 8:00 pm. I am, 3 amps."
    whole = said.replace("0 am", "0\N{NO-BREAK SPACE}am").replace("0 pm", "0\N{NO-BREAK SPACE}pm")
    assert env.from_string("{{ said | clocks }}").render(said=said) == whole


def test_periods_carry_years_only_when_they_leave_this_one() -> None:
    assert (
        filters.format_range(date(2026, 10, 25), TODAY, today=TODAY)
        == "Oct\N{NO-BREAK SPACE}25 – Nov\N{NO-BREAK SPACE}23"
    )
    assert (
        filters.format_range(date(2025, 12, 1), date(2026, 1, 2), today=TODAY)
        == "Dec\N{NO-BREAK SPACE}1, 2025 – Jan\N{NO-BREAK SPACE}2, 2026"
    )


def test_initials_are_the_first_and_the_last_name() -> None:
    assert filters.read_initials("Maren Holt") == "MH"
    assert filters.read_initials("Ana María de la Cruz") == "AC"
    assert filters.read_initials("Web") == "W"
    assert filters.read_initials("  ") == "?"


def test_a_link_keeps_the_filters_and_drops_what_is_taken_out() -> None:
    args = {"status": ["pending"], "q": ["old mill"], "page": ["3"]}
    assert filters.with_query(args, page=None, sort="-total") == "?status=pending&q=old+mill&sort=-total"
