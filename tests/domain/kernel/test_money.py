"""Amounts are read, rounded and written exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.money import MOST_MONEY, format_money, parse_money, round_half_up

AMOUNTS = st.decimals(min_value=-MOST_MONEY, max_value=MOST_MONEY, places=2)


@pytest.mark.parametrize(
    ("given_amount", "rounded"),
    [
        ("0.005", "0.01"),
        ("2.675", "2.68"),
        ("2.6749", "2.67"),
        ("-0.005", "-0.01"),
        ("-0.001", "0.00"),
        ("7", "7.00"),
    ],
)
def test_half_a_cent_is_rounded_away_from_zero(given_amount: str, rounded: str) -> None:
    assert str(round_half_up(Decimal(given_amount))) == rounded


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1,234.50", "1234.50"),
        ("$5", "5.00"),
        ("-$5", "-5.00"),
        ("−5.1", "-5.10"),
        (" .5 ", "0.50"),
        ("5.", "5.00"),
        ("-0", "0.00"),
        ("1,234,567.89", "1234567.89"),
    ],
)
def test_an_amount_is_read_as_people_write_it(written: str, amount: str) -> None:
    assert str(parse_money(written)) == amount


@pytest.mark.parametrize(
    "written",
    [
        "",
        "$",
        ".",
        "1,23",
        "12,34.5",
        "1.234,50",
        "1.005",
        "1e3",
        "NaN",
        "Infinity",
        "5 $",
        "0x5",
        "٣",
        "--5",
    ],
)
def test_what_is_no_amount_is_none(written: str) -> None:
    assert parse_money(written) is None


@given(AMOUNTS)
def test_what_is_written_is_read_again(amount: Decimal) -> None:
    assert parse_money(format_money(amount)) == amount


def test_amounts_are_written_with_thousands_and_a_real_minus() -> None:
    assert format_money(Decimal("1784.9")) == "$1,784.90"
    assert format_money(Decimal(-12)) == "−$12.00"
    assert format_money(Decimal("-0.001")) == "$0.00"


def test_an_amount_of_endless_digits_is_none() -> None:
    assert parse_money("9" * 20) == Decimal("9" * 20)
    assert parse_money("9" * 21) is None
    assert parse_money("9" * 30) is None
