"""Rows are validated together while all are valid and one by one otherwise, with the same result."""

import gc
from decimal import Decimal
from typing import Annotated, cast

import pytest
from pydantic import Field

from domain.kernel import input_rows
from domain.kernel.collector import collector_resting
from domain.kernel.errors import InvalidInput
from domain.kernel.input_rows import STANDS_ALONE, BadRow, LaterRows, read_later, read_together
from domain.kernel.inputs import Filled20, Id, Input, MoneyIn, read_json


class Row(Input):
    """A row of the test."""

    id: Id
    name: Filled20 | None = None
    price: MoneyIn | None = None


class Rows(Input):
    """Rows of the test."""

    ROWS_ALONE = frozenset({"rows"})

    rows: Annotated[list[Annotated[Row, STANDS_ALONE]], read_together(Row)]


def test_good_rows_are_read_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(input_rows, "find_nuls", asked.append)
    read = read_json(Rows, b'{"rows": [{"id": 1, "price": 1.25, "name": " Pan "}, {"id": 2, "price": 3}, {"id": 3}]}')
    assert read.rows == [
        Row(id=1, price=Decimal("1.25"), name="Pan"),
        Row(id=2, price=Decimal("3.00")),
        Row(id=3),
    ]
    assert [str(row.price) for row in read.rows] == ["1.25", "3.00", "None"]
    assert [sorted(row.model_fields_set) for row in read.rows] == [["id", "name", "price"], ["id", "price"], ["id"]]
    assert asked == []


def test_one_bad_row_leaves_the_others_as_they_are() -> None:
    read = read_json(Rows, b'{"rows": [{"id": "1"}, {"id": 2.0, "price": 0.1}, {"id": 3, "price": 0.125}]}')
    assert read.rows == [
        BadRow({"id": "1"}, {"id": "must be a whole number"}),
        Row(id=2, price=Decimal("0.10")),
        BadRow({"id": 3, "price": 0.125}, {"price": "must be a number with at most two decimals"}),
    ]


def test_a_nul_is_found_in_its_row() -> None:
    read = read_json(Rows, b'{"rows": [{"id": 1, "name": "a\\u0000"}, {"id": 2}]}')
    assert read.rows == [BadRow({"id": 1, "name": "a\0"}, {"name": "must not contain the NUL character"}), Row(id=2)]


class Later(Input):
    """The same rows, validated later."""

    ROWS_ALONE = frozenset({"rows"})

    rows: Annotated[list[Annotated[Row, STANDS_ALONE]], read_later(Row), Field(max_length=3)]


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows": []}',
        b'{"rows": [{"id": 1, "price": 1.25, "name": " Pan "}, {"id": 2, "price": 3}, {"id": 3}]}',
        b'{"rows": [{"id": "1"}, {"id": 2.0, "price": 0.1}, {"id": 3, "price": 0.125}]}',
        b'{"rows": [{"id": 1, "name": "a\\u0000"}, 7, null]}',
        b'{"rows": [{"id": 1, "price": 1e400}, {"id": 9223372036854775808}, [{"id": 1}]]}',
    ],
)
def test_rows_validated_later_are_the_same_as_at_once(body: bytes) -> None:
    at_once = read_json(Rows, body).rows
    later = cast(LaterRows, read_json(Later, body).rows)
    assert len(later) == len(at_once)
    assert later.read(0, len(later)) == at_once
    assert later.read(0, 2) + later.read(2, 3) == at_once


def test_a_row_is_validated_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    monkeypatch.setattr(input_rows, "find_nuls", read.append)
    monkeypatch.setattr(input_rows, "_read_again", lambda *_: read.append("bad"))
    later = cast(LaterRows, read_json(Later, b'{"rows": [{"id": 0}, {"id": 1}, {"id": "x"}]}').rows)
    assert read == []
    later.read(1, 3)
    assert read == ["bad"]


def test_a_list_that_is_none_or_too_long_is_refused_before_its_rows() -> None:
    for rows, why in ((b'"x"', "must be a list"), (b"[1, 2, 3, 4]", "must have at most 3 entries")):
        with pytest.raises(InvalidInput) as refusal:
            read_json(Later, b'{"rows": ' + rows + b"}")
        assert refusal.value.fields == {"rows": why}


def test_the_collector_rests_until_all_are_done() -> None:
    assert gc.isenabled()
    with collector_resting():
        with collector_resting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
