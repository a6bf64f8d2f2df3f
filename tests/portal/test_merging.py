"""What one of two people changed is merged; what both changed, or what has no known beginning, clashes."""

import pytest

from portal.merging import merge_fields, read_opened, write_opened

OPENED = {"name": "Pan", "unit_price": "10.00", "notes": "one\ntwo"}


@pytest.mark.parametrize(
    ("mine", "theirs", "merged", "clashes"),
    [
        ({}, {"unit_price": "12.00"}, {"unit_price": "12.00"}, []),
        ({"name": "Skillet"}, {"unit_price": "12.00"}, {"name": "Skillet", "unit_price": "12.00"}, []),
        ({"name": "Skillet"}, {"name": "Skillet"}, {"name": "Skillet"}, []),
        ({"name": "Skillet"}, {"name": "Wok"}, {"name": "Skillet"}, ["name"]),
        ({"notes": "one\r\ntwo "}, {"notes": "three"}, {"notes": "three"}, []),
        ({"name": ""}, {"unit_price": "12.00"}, {"name": "", "unit_price": "12.00"}, []),
    ],
)
def test_each_field_goes_to_who_changed_it(
    mine: dict[str, str], theirs: dict[str, str], merged: dict[str, str], clashes: list[str]
) -> None:
    assert merge_fields(OPENED, OPENED | mine, OPENED | theirs) == (OPENED | merged, clashes)


def test_without_a_beginning_whatever_differs_clashes() -> None:
    assert merge_fields({}, OPENED | {"name": "Wok"}, OPENED)[1] == ["name"]
    assert merge_fields(OPENED, {"name": "Pan"}, OPENED | {"unit_price": "9.00"}) == ({"name": "Pan"}, [])


@pytest.mark.parametrize("sent", ["", "[]", "{", "7", "\x00", write_opened({})])
def test_a_hidden_field_that_can_not_be_read_says_nothing(sent: str) -> None:
    assert read_opened({"_opened": [sent]}) == {}
    assert read_opened({}) == {}
