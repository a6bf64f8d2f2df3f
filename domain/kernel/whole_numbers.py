"""Whole numbers from outside: in bodies, fields of forms, addresses, tokens, cells of a file."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

ModelT = TypeVar("ModelT", bound=BaseModel)

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


def validate_json(model: type[ModelT], body: bytes, context: dict[str, Any]) -> ModelT:
    """Read a JSON body strictly, and 3.0 as the whole number that JSON Schema, and so our document, takes it for.

    Raises pydantic's ValidationError.
    """
    try:
        return model.model_validate_json(body, strict=True, context=context)
    except ValidationError as error:
        # A body that is no JSON at all misses no whole number.
        if not _find_places(error):
            raise
        sent = from_json(body)
        mend_whole_numbers(sent, error)
    return model.model_validate_json(to_json(sent), strict=True, context=context)


def mend_whole_numbers(sent: Any, error: ValidationError) -> bool:
    """Write 3 for 3.0 in what was sent, where a whole number was missed; True where that was found."""
    places = _find_places(error)
    for place in places:
        _mend_place(sent, place)
    return bool(places)


def _find_places(error: ValidationError) -> list[tuple[int | str, ...]]:
    """Where a whole number was missed, and one was sent with a point."""
    return [
        fault["loc"]
        for fault in error.errors(include_url=False)
        if fault["type"] in {"int_type", "int_from_float"} and is_whole_float(fault["input"])
    ]


def _mend_place(holder: Any, place: tuple[int | str, ...]) -> None:
    for part in place:
        # A part may also name the branch of a union, which was not sent.
        if not (part in holder if isinstance(holder, dict) else isinstance(holder, list) and isinstance(part, int)):
            continue
        if is_whole_float(holder[part]):
            holder[part] = int(holder[part])
            return
        holder = holder[part]


def is_whole_float(value: object) -> bool:
    """True for a JSON number with a point and nothing behind it, as far as a float is exact."""
    return isinstance(value, float) and value.is_integer() and abs(value) <= 2**53
