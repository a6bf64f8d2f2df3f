"""Runs an import: the rows are stored first, then written batch by batch until none is left.

Each batch is one transaction that locks the run, writes the records, and updates the counts and the position. A worker
that dies loses only the current batch, and two workers take turns. Imported rows are deleted; the others stay with
their reason. A dry run does the same, but rolls back everything of each batch except its counts.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, BinaryIO, cast

import asyncpg
import orjson
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.imports.kinds import KINDS, BadRow, Cells, ImportKind, Outcome, Record, Setting
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.errors import DomainError
from domain.kernel.live import Topic, announce
from domain.kernel.spreadsheets import read_csv
from models import ImportChunk, ImportRow, ImportRun, ImportState, RowOutcome
from models.session import plan_for_values, raw_connection, separate_transaction

JOB = "import_rows"
_STAGE_PIECE = 5_000
_SPOOL_BYTES = 4_000_000
_BATCH = """
SELECT line_number, group_number, cells::text AS cells FROM import_row
WHERE run_id = $1 AND group_number > $2 AND group_number <= $2 + $3 AND outcome = 'waiting'
ORDER BY group_number, line_number
"""
_KEEP = """
UPDATE import_row r SET outcome = k.outcome, error = k.error, faults = k.faults::jsonb
FROM unnest($2::int[], $3::text[], $4::text[], $5::text[]) AS k(line_number, outcome, error, faults)
WHERE r.run_id = $1 AND r.line_number = k.line_number
"""
_DONE = "DELETE FROM import_row WHERE run_id = $1 AND line_number = ANY($2)"


class TakenBack(Exception):
    """Raised to roll back the savepoint of a dry run's batch."""


@dataclass(frozen=True, slots=True)
class Fate:
    """The result of one line: imported, already existing, or bad with its faults."""

    line: int
    outcome: RowOutcome | None
    faults: dict[str, str]


async def run_import(run_id: int, *, timezone: tzinfo, seconds: float | None = None) -> ImportRun:
    """Run the import for at most this many seconds. Returns the run in its state then."""
    ends_at = None if seconds is None else time.monotonic() + seconds
    try:
        while True:
            run = await _advance(run_id, timezone)
            if run.state not in {ImportState.QUEUED, ImportState.RUNNING}:
                return run
            if ends_at is not None and time.monotonic() >= ends_at:
                return run
    except DomainError as error:
        return await _fail(run_id, error.message)


async def mark_import_failed(run_id: int, reason: str) -> None:
    """Record that the job had its last attempt: the import failed, with the reason. Imported rows stay."""
    await _fail(run_id, reason)


async def _advance(run_id: int, timezone: tzinfo) -> ImportRun:
    """Do one step in its own transaction: store the rows, or write the next batch."""
    async with separate_transaction() as db:
        run = await _lock(db, run_id)
        if run.state not in {ImportState.QUEUED, ImportState.RUNNING}:
            return run
        if run.is_staged:
            await _write_batch(db, run, timezone)
        else:
            await _stage(db, run)
        await announce(db, Topic.IMPORTS, run_id)
        return run


async def _lock(db: AsyncSession, run_id: int) -> ImportRun:
    return (
        await db.scalars(
            select(ImportRun).where(ImportRun.id == run_id).with_for_update().execution_options(populate_existing=True)
        )
    ).one()


async def _stage(db: AsyncSession, run: ImportRun) -> None:
    """Store all rows with the numbers of their records; rows that can't be read are already bad."""
    kind = KINDS[run.kind]
    connection = await raw_connection(db)
    await db.execute(delete(ImportRow).where(ImportRow.run_id == run.id))
    groups: dict[str, int] = {}
    total = bad = 0
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        file = cast(BinaryIO, spool)
        await _fetch_file(db, run.id, file)
        rows = await asyncio.to_thread(read_csv, file)
        while piece := await asyncio.to_thread(_take_rows, rows, kind, run, groups):
            total += len(piece)
            bad += sum(1 for row in piece if row[4] == RowOutcome.BAD)
            await connection.copy_records_to_table(
                "import_row",
                records=piece,
                columns=["run_id", "line_number", "group_number", "cells", "outcome", "error", "faults"],
            )
    run.is_staged, run.state, run.started_at = True, ImportState.RUNNING, run.started_at or now()
    run.total_rows, run.bad_rows, run.processed_rows = total, bad, bad
    await db.flush()


async def _fetch_file(db: AsyncSession, run_id: int, file: BinaryIO) -> None:
    """Copy the stored pieces one after the other to a local file."""
    position = 0
    while True:
        piece = await db.scalar(
            select(ImportChunk.data).where(ImportChunk.run_id == run_id, ImportChunk.position == position)
        )
        if piece is None:
            break
        await asyncio.to_thread(file.write, piece)
        position += 1
    file.seek(0)


def _take_rows(rows: Any, kind: ImportKind, run: ImportRun, groups: dict[str, int]) -> list[tuple[Any, ...]]:
    """Return the next few thousand rows for the table; records are numbered in file order."""
    taken: list[tuple[Any, ...]] = []
    for row in rows:
        if row.fault:
            number = groups.setdefault(f"\0{row.line_number}", len(groups) + 1)
            faults = orjson.dumps({"": f"the row {row.fault}"}).decode()
            taken.append((run.id, row.line_number, number, "{}", RowOutcome.BAD, f"The row {row.fault}", faults))
        else:
            cells = {field: row.cells[column] for column, field in run.mapping.items() if column in row.cells}
            name = cells.get(kind.group_by, "").strip().lower() if kind.group_by else ""
            number = groups.setdefault(name or f"\0{row.line_number}", len(groups) + 1)
            kept = orjson.dumps(row.cells).decode()
            taken.append((run.id, row.line_number, number, kept, RowOutcome.WAITING, "", "{}"))
        if len(taken) == _STAGE_PIECE:
            break
    return taken


async def _write_batch(db: AsyncSession, run: ImportRun, timezone: tzinfo) -> None:
    """Write the next records, and update the counts and the position; at the end of the file the run is done."""
    kind = KINDS[run.kind]
    # The tables grow during an import: a plan made for small ones would read the large ones completely.
    await plan_for_values(db)
    connection = await raw_connection(db)
    lines = await connection.fetch(_BATCH, run.id, run.last_group, kind.batch)
    by = Actor(ActorKind(run.actor_kind), run.actor_id, run.actor_name)
    setting = Setting(timezone, by, run.id)
    records, fates = await asyncio.to_thread(_read_records, kind, run.mapping, lines, setting)
    outcome = await _write_records(db, kind, records, setting, is_dry=run.is_dry)
    fates += _judge(records, outcome)
    await _keep(connection, run.id, fates)
    run.last_group += kind.batch
    run.processed_rows += len(fates)
    run.created_rows += sum(1 for record in records if _went_in(record, outcome))
    run.skipped_rows += sum(1 for fate in fates if fate.outcome is RowOutcome.SKIPPED)
    run.bad_rows += sum(1 for fate in fates if fate.outcome is RowOutcome.BAD)
    run.marked_rows += outcome.marked
    if run.processed_rows >= run.total_rows:
        run.state, run.finished_at = ImportState.DONE, now()
    await db.flush()


async def _write_records(
    db: AsyncSession, kind: ImportKind, records: Sequence[Record], setting: Setting, *, is_dry: bool
) -> Outcome:
    if not records:
        return Outcome()
    if not is_dry:
        return await kind.write(db, records, setting)
    outcome = Outcome()
    try:
        async with db.begin_nested():
            # The savepoint begins with the session's own first statement; a kind may only use the raw connection.
            await db.connection()
            outcome = await kind.write(db, records, setting)
            raise TakenBack
    except TakenBack:
        return outcome


def _read_records(
    kind: ImportKind, mapping: dict[str, str], lines: Sequence[asyncpg.Record], setting: Setting
) -> tuple[list[Record], list[Fate]]:
    """Return the records of a batch, and the results of unreadable ones: one bad row rejects its whole record."""
    groups: dict[int, list[asyncpg.Record]] = {}
    for line in lines:
        groups.setdefault(line["group_number"], []).append(line)
    records: list[Record] = []
    fates: list[Fate] = []
    for members in groups.values():
        rows, faults = [], {}
        for line in members:
            cells = orjson.loads(line["cells"])
            try:
                rows.append(kind.read(_name_cells(mapping, cells), setting))
            except BadRow as bad:
                faults[line["line_number"]] = bad.faults
        numbers = [line["line_number"] for line in members]
        if not faults:
            records.append(Record(numbers, rows))
            continue
        beside = {"": f"belongs to a record whose line {next(iter(faults))} is bad"}
        fates += [Fate(number, RowOutcome.BAD, faults.get(number, beside)) for number in numbers]
    return records, fates


def _name_cells(mapping: dict[str, str], cells: Cells) -> dict[str, str]:
    return {field: cells[column] for column, field in mapping.items() if column in cells}


def _went_in(record: Record, outcome: Outcome) -> bool:
    return record.lines[0] not in outcome.skipped and record.lines[0] not in outcome.bad


def _judge(records: Sequence[Record], outcome: Outcome) -> list[Fate]:
    fates = []
    for record in records:
        first = record.lines[0]
        kept = RowOutcome.SKIPPED if first in outcome.skipped else RowOutcome.BAD if first in outcome.bad else None
        faults = dict(outcome.bad.get(first, {}))
        fates += [Fate(line, kept, faults) for line in record.lines]
    return fates


async def _keep(connection: asyncpg.Connection, run_id: int, fates: Sequence[Fate]) -> None:
    """Delete the rows that were imported, and store the reasons of the others."""
    await connection.execute(_DONE, run_id, [fate.line for fate in fates if fate.outcome is None])
    kept = [fate for fate in fates if fate.outcome is not None]
    await connection.execute(
        _KEEP,
        run_id,
        [fate.line for fate in kept],
        [str(fate.outcome) for fate in kept],
        [write_faults(fate.faults) for fate in kept],
        [orjson.dumps(fate.faults).decode() for fate in kept],
    )


def write_faults(faults: dict[str, str]) -> str:
    """Return the faults of a row as one sentence: `phone is too long; the row lacks …`."""
    return "; ".join(f"{field} {fault}".strip() for field, fault in faults.items())


async def _fail(run_id: int, reason: str) -> ImportRun:
    async with separate_transaction() as db:
        run = await _lock(db, run_id)
        if run.state in {ImportState.QUEUED, ImportState.RUNNING}:
            run.state, run.finished_at, run.last_error = ImportState.FAILED, now(), reason[:2000]
            await announce(db, Topic.IMPORTS, run_id)
        return run
