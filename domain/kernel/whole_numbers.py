"""Whole numbers in texts from outside: fields of forms, addresses, tokens, cells of a file."""

from collections.abc import Iterable

# The largest number of a bigint column.
BIGGEST_ID = 2**63 - 1


def read_whole(text: str, *, most: int = BIGGEST_ID) -> int | None:
    """The number from 0 to `most` that the digits 0 to 9 write; None for any other text.

    Python's own `str.isdigit` also knows ² and ٣, and `int` refuses thousands of digits.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None


def read_id(text: str) -> int | None:
    """The id of a row that the text may be; None for any other text."""
    number = read_whole(text)
    return number if number is not None and is_possible_id(number) else None


def read_ids(texts: Iterable[str]) -> list[int]:
    """The ids among the texts, in their order: the ticked rows of a list."""
    return [number for number in map(read_id, texts) if number is not None]


def is_possible_id(number: int) -> bool:
    """True for a number that some row could have.

    A door answers 404 to any other without asking the database.
    """
    return 1 <= number <= BIGGEST_ID
