"""The kinds of imports. An area registers a kind with its columns, how to read a row and how to write several.

The framework stores the file, groups the rows, passes them on in batches, each in its own transaction together with the
counts, and keeps the rows that were not imported.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right
from domain.kernel.actor import Actor

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """A field to which a column of a file may be mapped; `aliases` are other names of it in files."""

    name: str
    label: str
    aliases: tuple[str, ...] = ()
    is_required: bool = False
    example: str = ""


class BadRow(Exception):
    """A row that can't be imported. `faults` says what is wrong with which field ("" is the whole row)."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: the line numbers of its rows, and the results of the kind's `read`, in file order."""

    lines: Sequence[int]
    rows: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a batch: the first lines of the records that already existed, and of those that are bad.

    `marked` counts the imported ones whose number must not be called or texted.
    """

    skipped: frozenset[int] = frozenset()
    bad: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    marked: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """What a kind may need in addition to the rows."""

    timezone: tzinfo
    by: Actor
    run_id: int


# Reads one row's cells by field name; raises BadRow. Pure and fast: it runs in a thread.
ReadRow = Callable[[Cells, Setting], Any]
# Writes the records in the current transaction with a fixed number of statements. A record that already exists is named
# in the outcome and not written.
WriteRecords = Callable[[AsyncSession, Sequence[Record], Setting], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class ImportKind:
    """Something that can be imported. Rows with the same `group_by` value are one record; without it each row is."""

    name: str
    noun: str
    fields: Sequence[Field]
    read: ReadRow
    write: WriteRecords
    group_by: str | None = None
    batch: int = 500
    right: Right = Right.IMPORT_BOOKS
    back_url: str = "/portal"
    new_words: str = "New"
    known_words: str = "Already here"

    @property
    def required(self) -> list[str]:
        """The fields that every row must have."""
        return [each.name for each in self.fields if each.is_required]

    def find_field(self, heading: str) -> str | None:
        """Return the field that a column with this name most likely is; None if there is none."""
        for each in self.fields:
            if heading == each.name or heading in each.aliases:
                return each.name
        return None


KINDS: dict[str, ImportKind] = {}


def register_kind(kind: ImportKind) -> ImportKind:
    """Register a kind; called once, where the kind is defined."""
    if kind.name in KINDS:
        raise RuntimeError(f"Two kinds of import are called {kind.name}.")
    KINDS[kind.name] = kind
    return kind
