"""Starts, stops and changes imports: each is a change of the run that its job and its page read."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.imports.kinds import KINDS
from domain.imports.run import JOB
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Input, Text200
from domain.kernel.live import Topic, announce
from models import AuditAction, ImportChunk, ImportRow, ImportRun, ImportState

# How long a request waits for an import before the job takes over.
WAIT_SECONDS = 60


class StartImport(Input):
    """Which column is mapped to which field, and whether anything is written."""

    columns: dict[str, Text200] | None = None
    is_dry: bool = False


async def start_import(db: AsyncSession, run_id: int, data: StartImport, *, by: Actor, after_seconds: int = 0) -> None:
    """Map the columns of a draft, or of one that had a dry run, and start the job.

    Raises InvalidInput for a field that is mapped twice or missing, and Refused if the import has already begun.
    """
    run = await lock_run(db, run_id)
    require(by, KINDS[run.kind].right, f"Your role does not import {KINDS[run.kind].noun}.")
    if run.state != ImportState.DRAFT and not (run.is_dry and run.state in {ImportState.DONE, ImportState.STOPPED}):
        raise Refused("This import has already begun.", code=Code.STATE_NOT_ALLOWED)
    run.mapping = _read_mapping(run, data)
    run.is_dry = data.is_dry
    run.state, run.is_staged, run.last_group, run.last_error = ImportState.QUEUED, False, 0, ""
    run.total_rows = run.processed_rows = run.created_rows = run.skipped_rows = run.bad_rows = run.marked_rows = 0
    run.started_at = run.finished_at = None
    await db.execute(delete(ImportRow).where(ImportRow.run_id == run_id))
    await enqueue(db, JOB, {"run_id": run_id}, dedupe_key=f"{JOB}:{run_id}", after_seconds=after_seconds)
    if not data.is_dry:
        after = {"kind": run.kind, "file": run.filename}
        await record_audit(
            db,
            action=AuditAction.IMPORT_STARTED,
            record_kind="import",
            record_id=run_id,
            record_name=run.filename,
            after=after,
            by=by,
        )
    await announce(db, Topic.IMPORTS, run_id)


async def stop_import(db: AsyncSession, run_id: int, *, by: Actor) -> None:
    """Stop after the current batch; imported rows stay. Raises Refused if it has ended."""
    require(by, Right.IMPORT_BOOKS, "Your role can't import records.")
    run = await lock_run(db, run_id)
    if run.state not in {ImportState.QUEUED, ImportState.RUNNING}:
        raise Refused("This import has already ended.", code=Code.STATE_NOT_ALLOWED)
    run.state, run.finished_at = ImportState.STOPPED, now()
    await record_audit(
        db, action=AuditAction.IMPORT_STOPPED, record_kind="import", record_id=run_id, record_name=run.filename, by=by
    )
    await announce(db, Topic.IMPORTS, run_id)


async def lock_run(db: AsyncSession, run_id: int) -> ImportRun:
    """Return the run, locked, so that no batch is written in the meantime. Raises NotFound."""
    run = await db.scalar(
        select(ImportRun).where(ImportRun.id == run_id).with_for_update().execution_options(populate_existing=True)
    )
    if run is None:
        raise NotFound("There is no such import.")
    return run


async def forget_old_imports(db: AsyncSession, *, days: int = 30) -> int:
    """Delete the rows and files of imports older than `days` days; their counts stay. Returns the rows deleted."""
    old = select(ImportRun.id).where(ImportRun.created_at < now() - timedelta(days=days))
    await db.execute(delete(ImportChunk).where(ImportChunk.run_id.in_(old)))
    gone = cast(CursorResult[Any], await db.execute(delete(ImportRow).where(ImportRow.run_id.in_(old))))
    return gone.rowcount


def _read_mapping(run: ImportRun, data: StartImport) -> dict[str, str]:
    """Return the field of each column. Raises InvalidInput naming what is wrong."""
    kind = KINDS[run.kind]
    if data.columns is None:
        mapping = dict(run.mapping)
    else:
        known = {field.name for field in kind.fields}
        mapping = {column: name for column, name in data.columns.items() if name in known and column in run.headings}
    fields = list(mapping.values())
    wrong = {
        f"columns.{column}": "is assigned to the same field as another column"
        for column, name in mapping.items()
        if fields.count(name) > 1
    }
    missing = [field.label for field in kind.fields if field.is_required and field.name not in fields]
    if missing:
        wrong["columns"] = f"lack {', '.join(missing)}"
    if wrong:
        raise refuse_fields(wrong)
    return mapping
