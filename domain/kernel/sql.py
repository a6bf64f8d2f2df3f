"""Statements for asyncpg with named parameters, so that a value cannot end up in the wrong column."""

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"(?<![:\w]):([a-z_]\w*)")


class NamedSql:
    """A statement with `:name` for each parameter. Its text is built once, so that asyncpg caches the statement."""

    def __init__(self, text: str) -> None:
        self.names = tuple(dict.fromkeys(_NAME.findall(text)))
        numbers = {name: f"${number}" for number, name in enumerate(self.names, start=1)}
        self._known = frozenset(self.names)
        self.text = _NAME.sub(lambda found: numbers[found[1]], text)

    def args(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the statement's order. Raises KeyError for a missing value or an unknown name."""
        if unknown := values.keys() - self._known:
            raise KeyError(*sorted(unknown))
        return list(map(values.__getitem__, self.names))
