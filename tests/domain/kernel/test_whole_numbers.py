"""What counts as a whole number in a text from outside, and that no other text breaks a page."""

import pytest

from domain.kernel.whole_numbers import BIGGEST_ID, read_id, read_ids, read_whole

# Digits to Python's `str.isdigit` or `int`, each in its own way, but no numbers of a form.
NO_NUMBERS = ["", " 7", "+7", "-7", "7.0", "1_000", "²", "٣", "７", "0x7", "9" * 5_000]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_only_the_digits_0_to_9_write_a_number(text: str) -> None:
    assert read_whole(text) is None
    assert read_id(text) is None


def test_a_number_lies_within_its_bounds() -> None:
    assert [read_whole(text) for text in ("0", "007", str(BIGGEST_ID), str(BIGGEST_ID + 1))] == [0, 7, BIGGEST_ID, None]
    assert [read_whole(text, most=999) for text in ("999", "1000", "0999")] == [999, None, None]
    assert [read_id(text) for text in ("0", "1", str(BIGGEST_ID))] == [None, 1, BIGGEST_ID]
    assert read_ids(["3", "²", "1", ""]) == [3, 1]
