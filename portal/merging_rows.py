"""Forms with rows, `items[0][sku]` and so on: each row is one field of the merge, identified by its key.

A missing row is the empty text, so that added and removed rows merge like any change.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from domain.kernel.whole_numbers import read_whole
from portal.merging import FormShape, Pairs

ROW = "row "
NO_ROW = ""
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class RowShape(FormShape):
    """Rows under `name`: their columns, their key, and which rows count as empty."""

    name: str
    columns: Sequence[str]
    known_by: Callable[[Row], str]
    is_empty: Callable[[Row], bool]
    # A user who may not change the rows sends none; this removes none.
    is_fixed: bool = False

    def read(self, pairs: Pairs) -> dict[str, str]:
        """The other fields, and each row under its key."""
        cell = self._cell()
        fields = {name: values[-1] for name, values in pairs.items() if not cell.fullmatch(name)}
        return fields if self.is_fixed else fields | self.name_rows(self._rows(pairs))

    def fill(self, pairs: Pairs, values: Mapping[str, str]) -> Pairs:
        """The form with these fields and rows, existing rows first; rows are numbered from 0."""
        cell = self._cell()
        filled = {name: sent for name, sent in pairs.items() if self.is_fixed or not cell.fullmatch(name)}
        filled |= {name: [value] for name, value in values.items() if not name.startswith(ROW)}
        if self.is_fixed:
            return filled
        rows = self.name_rows(self._rows(pairs)) | {
            name: value for name, value in values.items() if name.startswith(ROW)
        }
        for place, row in enumerate(read_row(value) for value in rows.values() if value != NO_ROW):
            filled |= {f"{self.name}[{place}][{column}]": [row.get(column, "")] for column in self.columns}
        return filled

    def align(self, *sides: Mapping[str, str]) -> tuple[dict[str, str], ...]:
        """All rows of any side, added to every side."""
        missing = {name: NO_ROW for side in sides for name in side if name.startswith(ROW)}
        return tuple(
            {**dict(side), **{name: side.get(name, value) for name, value in missing.items()}} for side in sides
        )

    def name_rows(self, rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
        """Rows as fields; a second row with the same key gets a number."""
        named: dict[str, str] = {}
        for raw in rows:
            row = {column: str(raw.get(column, "")).strip() for column in self.columns}
            if self.is_empty(row):
                continue
            name, twin = f"{ROW}{self.known_by(row)}", 2
            while name in named:
                name, twin = f"{ROW}{self.known_by(row)} #{twin}", twin + 1
            named[name] = orjson.dumps(row).decode()
        return named

    def _cell(self) -> re.Pattern[str]:
        return re.compile(rf"{self.name}\[([^\[\]]*)\]\[(\w+)\]")

    def _rows(self, pairs: Pairs) -> list[Row]:
        """The rows in order of their numbers; rows without a valid number are ignored."""
        cell, rows = self._cell(), dict[int, Row]()
        for name, values in pairs.items():
            found = cell.fullmatch(name)
            if found and (place := read_whole(found[1], most=9_999)) is not None:
                rows.setdefault(place, {})[found[2]] = values[-1]
        return [row for _, row in sorted(rows.items())]


def read_row(value: str) -> Row:
    """A row as a merge field; empty for no row or unreadable text."""
    try:
        found = orjson.loads(value) if value else {}
    except orjson.JSONDecodeError:
        return {}
    return {str(name): str(cell) for name, cell in found.items()} if isinstance(found, dict) else {}
