"""Names that stand twice in one object of a JSON body."""

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
    """True for a body that its own values give back, byte by byte, as browsers write them: then no name is repeated."""
    try:
        return orjson.dumps(orjson.loads(body)) == body
    except (ValueError, TypeError):
        return False


def find_repeated_names(body: bytes, *, constant: Callable[[str], Any] = _refuse_constant) -> dict[str, str]:
    """The names that stand twice in one object: readers differ in which one counts, so neither does.

    `constant` reads NaN and Infinity, which JSON does not know.
    """
    if _is_plain(body):
        return {}
    repeated: dict[str, str] = {}

    def note(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            counted = Counter(names).items()
            repeated.update({name: "was sent more than once" for name, count in counted if count > 1})

    # Numbers stay text: here they don't matter, and a very long one would be refused by int().
    read: Callable[..., Any] = json.loads
    read(body, object_pairs_hook=note, parse_int=str, parse_float=str, parse_constant=constant)
    return repeated
