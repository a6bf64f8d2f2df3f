"""Answers show money as numbers and times in UTC with Z."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.schemas.base import Answer, MoneyOut, TimeOut, write_time


class OrderOut(Answer):
    number: str
    total: MoneyOut
    placed_at: TimeOut | None


@dataclass
class Row:
    number: str
    total: Decimal
    placed_at: datetime | None
    secret: str = "hidden"


def test_an_answer_shows_its_own_fields_only() -> None:
    row = Row("A", Decimal("1784.90"), datetime(2026, 11, 24, 9, 30, tzinfo=ZoneInfo("America/Chicago")))
    assert OrderOut.model_validate(row).to_bytes() == (
        b'{"number":"A","total":1784.9,"placed_at":"2026-11-24T15:30:00Z"}'
    )


@given(st.decimals(min_value=Decimal("-9999999999.99"), max_value=Decimal("9999999999.99"), places=2))
def test_money_is_answered_to_the_cent(amount: Decimal) -> None:
    body = OrderOut(number="A", total=amount, placed_at=None).to_bytes().decode()
    written = body.split('"total":')[1].split(",")[0]
    assert Decimal(written) == amount
    assert len(written.partition(".")[2]) <= 2


def test_a_time_without_zone_is_never_answered() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        write_time(datetime(2026, 11, 24))  # noqa: DTZ001 -- a naive time is what is tried.
    assert write_time(datetime(2026, 11, 24, 1, 2, 3, 450000, tzinfo=UTC)) == "2026-11-24T01:02:03.450000Z"
