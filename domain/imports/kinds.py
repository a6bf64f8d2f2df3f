"""What can be imported. An area registers a kind with its columns, how a row is read and how several are written.

The machine does the rest: it keeps the file, groups the rows, hands them over in batches, each in a transaction of its
own together with the counts, and keeps the rows that did not go in.
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
    """A field that a column of a file may go to; `aliases` are other names that files give it."""

    name: str
    label: str
    aliases: tuple[str, ...] = ()
    is_required: bool = False
    example: str = ""


class BadRow(Exception):
    """A row can't go in; `faults` says what is wrong with which field ("" is the row as a whole)."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its rows' line numbers, and what the kind's `read` made of them, in the file's order."""

    lines: Sequence[int]
    rows: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: the first lines of the records that were known already, and of those that are bad.

    `marked` counts those that went in with a number that must not be called or texted.
    """

    skipped: frozenset[int] = frozenset()
    bad: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    marked: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """What a kind may need besides the rows."""

    timezone: tzinfo
    by: Actor
    run_id: int


# Reads one row's cells, by the names of the fields; raises BadRow. Pure and quick: it runs in a thread.
ReadRow = Callable[[Cells, Setting], Any]
# Writes the records in the current transaction with a fixed number of statements. A record that is known already is
# named in the outcome, and nothing of it is written.
WriteRecords = Callable[[AsyncSession, Sequence[Record], Setting], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class ImportKind:
    """Something that can be imported. Rows with one value of `group_by` are one record; without it each row is one."""

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
        """The fields without which no row can go in."""
        return [each.name for each in self.fields if each.is_required]

    def find_field(self, heading: str) -> str | None:
        """The field that a column of this name most likely is; None for no field of ours."""
        for each in self.fields:
            if heading == each.name or heading in each.aliases:
                return each.name
        return None


KINDS: dict[str, ImportKind] = {}


def register_kind(kind: ImportKind) -> ImportKind:
    """Make a kind known; called once, where the kind is defined."""
    if kind.name in KINDS:
        raise RuntimeError(f"Two kinds of import are called {kind.name}.")
    KINDS[kind.name] = kind
    return kind
