"""Reads of imports: the list, one with its counts, and the rows not imported, also as a file for correction."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.imports.kinds import KINDS, ImportKind
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.spreadsheets import Cell, read_csv, stream_csv
from models import ImportChunk, ImportRow, ImportRun, ImportState, RowOutcome, columns_of
from models.session import Database

Reader = AsyncSession | AsyncConnection
RUNS = columns_of(ImportRun)
MOST_ERRORS = 1_000
BATCH = 1_000
_FAULTS = text("""
SELECT field, count(*) AS rows FROM import_row, jsonb_object_keys(faults) AS field
WHERE run_id = :run_id AND outcome = 'bad' GROUP BY field
""")
OPEN = (ImportState.QUEUED, ImportState.RUNNING)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One import for lists and pages."""

    id: int
    kind: str
    state: str
    is_dry: bool
    filename: str
    size_bytes: int
    encoding: str
    delimiter: str
    headings: list[str]
    mapping: dict[str, str]
    total_rows: int
    processed_rows: int
    created_rows: int
    skipped_rows: int
    bad_rows: int
    marked_rows: int
    last_error: str
    actor_id: int | None
    actor_name: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def status(self) -> str:
        """The state, under the name that the contract uses."""
        return self.state

    @property
    def of_kind(self) -> ImportKind:
        """The kind of the import."""
        return KINDS[self.kind]

    @property
    def is_open(self) -> bool:
        """True while rows wait for a worker."""
        return self.state in OPEN

    @property
    def is_over(self) -> bool:
        """True for an import that is not a dry run and has ended, in any state."""
        return not self.is_dry and self.finished_at is not None

    @property
    def bad_filename(self) -> str:
        """The name of the file with the bad rows, from the uploaded file's; only ASCII letters, digits, - and _."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", self.filename.rpartition(".")[0] or self.filename).strip("-")
        return f"{stem[:60] or f'import-{self.id}'}-bad.csv"

    @property
    def percent(self) -> int:
        """The progress in percent, 0 to 100."""
        return self.processed_rows * 100 // self.total_rows if self.total_rows else 0

    @property
    def took(self) -> timedelta | None:
        """How long it has been running, or ran; None before it began."""
        return (self.finished_at or now()) - self.started_at if self.started_at else None

    @property
    def time_left(self) -> timedelta | None:
        """The estimated remaining time at the current speed; None if unknown."""
        if not self.is_open or self.took is None or not self.processed_rows:
            return None
        return self.took * (self.total_rows - self.processed_rows) / self.processed_rows


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row that was not imported, with its cells as in the file and what is wrong with which field."""

    line_number: int
    cells: dict[str, Any]
    outcome: str
    error: str
    faults: dict[str, str]

    @property
    def row(self) -> int:
        """The line number, under the name that the contract uses."""
        return self.line_number


_COLUMNS = [RUNS[name] for name in RunRow.__slots__]


async def get_run(db: Reader, run_id: int, *, visible_to: Actor) -> RunRow:
    """Return one import. Raises NotFound, and NotAllowed for a role that may not see imports."""
    row = (await db.execute(select(*_COLUMNS).where(RUNS.id == run_id))).first()
    if row is None or not visible_to.is_staff or row.actor_id != visible_to.id:
        require(visible_to, Right.SEE_IMPORTS, "Your role does not see imports.")
    if row is None:
        raise NotFound("There is no such import.")
    return RunRow(*row)


async def list_runs(db: Reader, query: PageInput, *, visible_to: Actor) -> Page[RunRow]:
    """Return a page of imports, newest first."""
    require(visible_to, Right.SEE_IMPORTS, "Your role does not see imports.")
    statement = select(*_COLUMNS).order_by(RUNS.id.desc()).limit(query.per_page).offset(query.offset)
    rows = [RunRow(*row) for row in await db.execute(statement)]
    total = await db.scalar(select(func.count()).select_from(ImportRun))
    return make_page(rows, total or 0, query)


async def list_open_runs(db: Reader) -> list[RunRow]:
    """Return the imports that are running or queued, for the bar on every page."""
    statement = select(*_COLUMNS).where(RUNS.state.in_(OPEN)).order_by(RUNS.id).limit(3)
    return [RunRow(*row) for row in await db.execute(statement)]


async def list_kept_rows(
    db: Reader, run_id: int, *, outcome: RowOutcome = RowOutcome.BAD, after: int = 0, most: int = MOST_ERRORS
) -> list[KeptRow]:
    """Return the rows with this outcome in file order, beginning after a line."""
    conditions: Sequence[ColumnElement[bool]] = (
        ImportRow.run_id == run_id,
        ImportRow.outcome == outcome,
        ImportRow.line_number > after,
    )
    columns = (ImportRow.line_number, ImportRow.cells, ImportRow.outcome, ImportRow.error, ImportRow.faults)
    rows = await db.execute(select(*columns).where(*conditions).order_by(ImportRow.line_number).limit(most))
    return [KeptRow(*row) for row in rows]


async def count_faults(db: Reader, run_id: int) -> dict[str, int]:
    """Return the number of bad rows per field; "" counts those that are bad as a whole."""
    found = await db.execute(_FAULTS, {"run_id": run_id})
    return {row.field: row.rows for row in found}


async def read_first_rows(db: Reader, run_id: int, *, most: int) -> list[KeptRow]:
    """Return the first rows of the uploaded file; none once the file was deleted."""
    piece = await db.scalar(select(ImportChunk.data).where(ImportChunk.run_id == run_id, ImportChunk.position == 0))
    return [] if piece is None else await asyncio.to_thread(_read_beginning, piece, most)


def _read_beginning(piece: bytes, most: int) -> list[KeptRow]:
    # A piece may end inside a character or a row; everything before its last line break is complete.
    whole = piece[: piece.rfind(b"\n") + 1] or piece
    rows = islice(read_csv(BytesIO(whole)), most)
    return [
        KeptRow(row.line_number, dict(row.cells), RowOutcome.WAITING, row.fault, {"": row.fault} if row.fault else {})
        for row in rows
    ]


def export_bad_rows(database: Database, run: RunRow) -> AsyncIterator[bytes]:
    """Return the bad rows as they were sent, with the errors in a last column that another import ignores."""
    return stream_csv([*run.headings, "error"], _read_bad_rows(database, run))


async def _read_bad_rows(database: Database, run: RunRow) -> AsyncIterator[list[Cell]]:
    after = 0
    while True:
        async with database.reading() as connection:
            rows = await list_kept_rows(connection, run.id, after=after, most=BATCH)
        for row in rows:
            yield [*(row.cells.get(name, "") for name in run.headings), row.error]
        if len(rows) < BATCH:
            return
        after = rows[-1].line_number
