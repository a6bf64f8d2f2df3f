"""Rows that stand alone are read in one go while all are good, and one by one where one is bad: the same comes out."""

import gc
from decimal import Decimal
from typing import Annotated

import pytest

from domain.kernel import input_rows
from domain.kernel.collector import collector_resting
from domain.kernel.input_rows import STANDS_ALONE, BadRow, read_together
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


def test_the_collector_rests_until_all_are_done() -> None:
    assert gc.isenabled()
    with collector_resting():
        with collector_resting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
