"""Statements for asyncpg whose parameters have names: a value that moves can't end up in its neighbour's column."""

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"(?<![:\w]):([a-z_]\w*)")


class NamedSql:
    """A statement with `:name` for each parameter. Its text is made once, so that asyncpg keeps it prepared."""

    def __init__(self, text: str) -> None:
        self.names = tuple(dict.fromkeys(_NAME.findall(text)))
        numbers = {name: f"${number}" for number, name in enumerate(self.names, start=1)}
        self._known = frozenset(self.names)
        self.text = _NAME.sub(lambda found: numbers[found[1]], text)

    def args(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the statement's order; raises KeyError where one is missing or belongs to no parameter."""
        if unknown := values.keys() - self._known:
            raise KeyError(*sorted(unknown))
        return list(map(values.__getitem__, self.names))
