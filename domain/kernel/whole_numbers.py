"""Integers from outside: in bodies, form fields, URLs, tokens and cells of a file."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

ModelT = TypeVar("ModelT", bound=BaseModel)

# The largest number of a bigint column.
BIGGEST_ID = 2**63 - 1


def read_whole(text: str, *, most: int = BIGGEST_ID) -> int | None:
    """Return the number from 0 to `most` written with the digits 0 to 9; None for any other text.

    Python's own `str.isdigit` also accepts ² and ٣, and `int` refuses thousands of digits.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None


def read_id(text: str) -> int | None:
    """Return the text as a row's id; None if it cannot be one."""
    number = read_whole(text)
    return number if number is not None and is_possible_id(number) else None


def read_ids(texts: Iterable[str]) -> list[int]:
    """Return the ids among the texts, in order: for example the selected rows of a list."""
    return [number for number in map(read_id, texts) if number is not None]


def is_possible_id(number: int) -> bool:
    """Return True for a number that could be the id of a row.

    For any other number, a door answers 404 without querying the database.
    """
    return 1 <= number <= BIGGEST_ID


def validate_json(model: type[ModelT], body: bytes, context: dict[str, Any]) -> ModelT:
    """Read a JSON body strictly, but accept 3.0 as an integer, as JSON Schema and so our API document do.

    Raises pydantic's ValidationError.
    """
    try:
        return model.model_validate_json(body, strict=True, context=context)
    except ValidationError as error:
        # A body that is not JSON at all has no misread integers.
        if not _find_places(error):
            raise
        sent = from_json(body)
        mend_whole_numbers(sent, error)
    return model.model_validate_json(to_json(sent), strict=True, context=context)


def mend_whole_numbers(sent: Any, error: ValidationError) -> bool:
    """Change 3.0 to 3 in `sent` wherever an integer was expected. Returns True if there was such a place."""
    places = _find_places(error)
    for place in places:
        _mend_place(sent, place)
    return bool(places)


def _find_places(error: ValidationError) -> list[tuple[int | str, ...]]:
    """Return the places where an integer was expected and a float with an integral value was sent."""
    return [
        fault["loc"]
        for fault in error.errors(include_url=False)
        if fault["type"] in {"int_type", "int_from_float"} and is_whole_float(fault["input"])
    ]


def _mend_place(holder: Any, place: tuple[int | str, ...]) -> None:
    for part in place:
        # A part may also name the branch of a union, which is not in the input.
        if not (part in holder if isinstance(holder, dict) else isinstance(holder, list) and isinstance(part, int)):
            continue
        if is_whole_float(holder[part]):
            holder[part] = int(holder[part])
            return
        holder = holder[part]


def is_whole_float(value: object) -> bool:
    """Return True for a float with an integral value, as far as floats are exact."""
    return isinstance(value, float) and value.is_integer() and abs(value) <= 2**53
