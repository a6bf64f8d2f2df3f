"""Named parameters of asyncpg's statements."""

import pytest

from domain.kernel.sql import NamedSql


def test_names_become_numbers_in_order_of_their_first_use() -> None:
    statement = NamedSql("INSERT INTO t (a, b) VALUES (:b::text, :a, :b) -- 12:30, x::int")
    assert statement.text == "INSERT INTO t (a, b) VALUES ($1::text, $2, $1) -- 12:30, x::int"
    assert statement.args({"a": 1, "b": "two"}) == ["two", 1]


@pytest.mark.parametrize("values", [{"a": 1}, {"a": 1, "b": 2, "c": 3}])
def test_a_value_too_few_or_too_many_is_an_error(values: dict[str, int]) -> None:
    with pytest.raises(KeyError):
        NamedSql(":a :b").args(values)
