"""The types of an input's fields: money to the cent, dates, moments, emails and ids."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.clock import now
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import (
    DateIn,
    DateTimeIn,
    EmailIn,
    Id,
    Input,
    MoneyIn,
    OptionalEmailIn,
    PastIn,
    SignedMoneyIn,
    read_json,
)
from domain.kernel.money import MOST_MONEY
from domain.kernel.texts import clean_text
from domain.kernel.whole_numbers import is_possible_id


class Fields(Input):
    fee: MoneyIn = Decimal(0)
    change: SignedMoneyIn | None = None
    on: DateIn | None = None
    at: DateTimeIn | None = None
    made_at: PastIn | None = None
    email: EmailIn | None = None
    billing_email: OptionalEmailIn = None
    customer_id: Id | None = None


def read(field: str) -> Fields:
    return read_json(Fields, f"{{{field}}}".encode())


def refused_fields(field: str) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refusal:
        read(field)
    return refusal.value.fields


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("0", "0.00"),
        ("5", "5.00"),
        ("0.1", "0.10"),
        ("1784.90", "1784.90"),
        ("9999999999.99", "9999999999.99"),
        ("-0.0", "0.00"),
        ("1e2", "100.00"),
        ("4.35", "4.35"),
        ("1.10000", "1.10"),
        ("null", "0"),
    ],
)
def test_money_is_read_exactly(sent: str, kept: str) -> None:
    assert str(read(f'"fee": {sent}').fee) == kept


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ('"5"', "must be a number with at most two decimals"),
        ("true", "must be a number with at most two decimals"),
        ("0.30000000000000004", "must be a number with at most two decimals"),
        ("1e400", "must be a number with at most two decimals"),
        ("NaN", "must be a number with at most two decimals"),
        ("-Infinity", "must be a number with at most two decimals"),
        ("[]", "must be a number with at most two decimals"),
        ("-0.01", "must be at least 0"),
        ("10000000000", "must be at most 9,999,999,999.99"),
        ("1e20", "must be at most 9,999,999,999.99"),
        ("9" * 400, "must be at most 9,999,999,999.99"),
    ],
)
def test_bad_money_is_refused(sent: str, sentence: str) -> None:
    assert refused_fields(f'"fee": {sent}') == {"fee": sentence}


@given(st.decimals(min_value=0, max_value=MOST_MONEY, places=2))
def test_every_amount_survives_json(amount: Decimal) -> None:
    assert read(f'"fee": {amount}').fee == amount
    assert read(f'"fee": {float(amount)!r}').fee == amount


def test_signed_money_may_be_negative() -> None:
    assert read('"change": -12.5').change == Decimal("-12.50")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-11-24", date(2026, 11, 24)),
        ("2026-11-24T23:59:00Z", date(2026, 11, 24)),
        ("2026-11-24T00:00:00-06:00", date(2026, 11, 24)),
        ("2026-11-24 08:00", date(2026, 11, 24)),
    ],
)
def test_a_date_may_come_as_a_timestamp(sent: str, kept: date) -> None:
    assert read(f'"on": "{sent}"').on == kept


@pytest.mark.parametrize(
    "sent", ['"2026-02-30"', '"20261124"', '"2026-W48-2"', '"11/24/2026"', "20261124", '""', "true"]
)
def test_a_bad_date_is_refused(sent: str) -> None:
    assert refused_fields(f'"on": {sent}') == {"on": "must be a date like 2026-11-24"}
    assert refused_fields(f'"at": {sent}') == {"at": "must be a date and time like 2026-11-24T09:30:00Z"}


def test_a_date_no_calendar_of_ours_reaches_is_refused() -> None:
    assert refused_fields('"on": "0001-01-01"') == {"on": "must be between the years 1900 and 2199"}
    assert refused_fields('"at": "9999-12-31T23:59:59-12:00"') == {"at": "must be between the years 1900 and 2199"}


def test_what_happened_lies_not_in_the_future_but_a_clock_may_be_fast() -> None:
    soon, later = (f'"made_at": "{(now() + timedelta(seconds=seconds)).isoformat()}"' for seconds in (30, 90))
    assert read(soon).made_at is not None
    assert refused_fields(later) == {"made_at": "is in the future"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Maple \u202eeniV", "Maple eniV"),
        ("\u2066Acme\u2069 Inc", "Acme Inc"),
        ("\u202bמטבח\u202c 5", "מטבח 5"),
        ("مطعم\u200f (بيروت)\u061c", "مطعم (بيروت)"),
        ("e\u200e\u0301", "é"),
        ("\u202e\u202c", ""),
        ("\u200e Acme \u200f", "Acme"),
        # Joiners decide how letters are drawn, and stay.
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_texts_are_kept_without_marks_that_reorder_what_stands_beside_them(sent: str, kept: str) -> None:
    assert clean_text(sent) == kept


def test_an_input_is_written_as_json_as_it_was_sent() -> None:
    sent = {"fee": "5.00", "change": "-1.50", "on": "2026-11-24", "at": "2026-11-24T15:30:00Z"}
    written = Fields.model_validate(sent, context={"source": "form"}).model_dump(mode="json", exclude_unset=True)
    assert written == sent


def test_a_moment_is_kept_in_utc() -> None:
    assert read('"at": "2026-11-24T09:30:00-06:00"').at == datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
    assert read('"at": "2026-11-24T09:30:00Z"').at == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    raw = b'{"at": "2026-11-24T09:30"}'
    local = read_json(Fields, raw, timezone=ZoneInfo("America/Chicago")).at
    assert local == datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
    assert local is not None
    assert local.tzinfo is UTC


def test_emails_are_kept_in_lower_case() -> None:
    assert read('"email": " Chef@Old-Mill.Example "').email == "chef@old-mill.example"
    assert read('"email": "Chef@Bücher.example"').email == "chef@xn--bcher-kva.example"
    assert read('"billing_email": ""').billing_email is None
    assert refused_fields('"email": ""') == {"email": "must be an email address like name@example.com"}


@pytest.mark.parametrize(
    "sent", ["nobody", "a@b", "a b@c.de", "a@@c.de", "@c.de", "a@c..de", "é@c.de", "x" * 300 + "@c.de"]
)
def test_what_is_no_email_is_refused(sent: str) -> None:
    assert refused_fields(f'"email": "{sent}"') == {"email": "must be an email address like name@example.com"}


def test_ids_fit_the_database() -> None:
    assert read('"customer_id": 9223372036854775807').customer_id == 2**63 - 1
    assert list(refused_fields('"customer_id": 9223372036854775808')) == ["customer_id"]
    assert is_possible_id(1)
    assert not is_possible_id(0)
    assert not is_possible_id(2**63)
