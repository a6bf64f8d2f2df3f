"""Numbers are kept in one spelling, and only numbers that could be dialled."""

import pytest

from domain.kernel.phone import digits_for_search, format_phone, parse_phone


@pytest.mark.parametrize(
    "written",
    [
        "(216) 555-0148",
        "216-555-0148",
        "216.555.0148",
        "2165550148",
        "12165550148",
        "1 216 555 0148",
        "+1 (216) 555-0148",
        "+12165550148",
        "(216) 555-0148 ext. 12",
    ],
)
def test_every_common_spelling_is_the_same_number(written: str) -> None:
    assert parse_phone(written) == "+12165550148"


@pytest.mark.parametrize(
    "written",
    ["", "abc", "555-0148", "911", "000-000-0000", "111-111-1111", "123-555-0100", "+1", "\0", "9" * 500],
)
def test_a_number_nobody_could_dial_is_none(written: str) -> None:
    assert parse_phone(written) is None


def test_a_number_of_an_old_book_is_read_in_its_country() -> None:
    assert parse_phone("030-0074321", "DE") == "+49300074321"
    assert parse_phone("0621-08460", "DE") == "+4962108460"
    assert parse_phone("(5) 555-4729", "MX") is None


def test_numbers_are_written_for_people() -> None:
    assert format_phone("+12165550148") == "(216) 555-0148"
    assert format_phone("+442079460018") == "+44 20 7946 0018"
    assert format_phone("call the bar") == "call the bar"


def test_half_a_number_is_searched_by_its_digits() -> None:
    assert digits_for_search("(216) 555-01") == "21655501"
    assert digits_for_search("mill") == ""
