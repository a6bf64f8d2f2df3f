"""Finds names that occur twice in one object of a JSON body."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput


def _refuse_constant(name: str) -> None:
    raise InvalidInput(f"The body is not valid JSON: it has no {name}.", code=Code.INVALID_JSON, fields={})


def _is_plain(body: bytes) -> bool:
    """Return True if serialising the parsed body gives the same bytes, as with browsers: then no name is repeated."""
    try:
        return orjson.dumps(orjson.loads(body)) == body
    except (ValueError, TypeError):
        return False


def find_repeated_names(body: bytes, *, constant: Callable[[str], Any] = _refuse_constant) -> dict[str, str]:
    """Return the names that occur twice in one object, with their error: parsers differ in which value counts.

    `constant` is called for NaN and Infinity, which are not valid JSON. Raises what it raises.
    """
    if _is_plain(body):
        return {}
    repeated: dict[str, str] = {}

    def note(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            counted = Counter(names).items()
            repeated.update({name: "was sent more than once" for name, count in counted if count > 1})

    # Numbers stay text: they don't matter here, and int() would refuse a very long one.
    read: Callable[..., Any] = json.loads
    read(body, object_pairs_hook=note, parse_int=str, parse_float=str, parse_constant=constant)
    return repeated
