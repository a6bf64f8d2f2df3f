"""Imports started by programs: the file must name its columns, and a short one is done while the request waits."""

from datetime import tzinfo
from typing import BinaryIO

from domain.imports.kinds import ImportKind
from domain.imports.queries import RunRow, get_run
from domain.imports.run import run_import
from domain.imports.start import WAIT_SECONDS, StartImport, start_import
from domain.imports.upload import upload_file
from domain.kernel.actor import Actor
from domain.kernel.spreadsheets import write_csv
from models.session import current_database, separate_transaction


async def import_later(kind: ImportKind, file: BinaryIO, filename: str, *, by: Actor, after_seconds: int = 0) -> int:
    """Store the file and have the job import it. Returns the import's id."""
    async with separate_transaction() as db:
        run = await upload_file(db, kind, file, filename, needs_columns=True, by=by)
        await start_import(db, run.id, StartImport(), by=by, after_seconds=after_seconds)
        return run.id


async def import_and_wait(kind: ImportKind, file: BinaryIO, filename: str, *, timezone: tzinfo, by: Actor) -> RunRow:
    """Import while the caller waits, for up to a minute; after that, or if this process dies, the job continues."""
    run_id = await import_later(kind, file, filename, by=by, after_seconds=WAIT_SECONDS + 5)
    await run_import(run_id, timezone=timezone, seconds=WAIT_SECONDS)
    async with current_database().reading() as connection:
        return await get_run(connection, run_id, visible_to=by)


def write_sample(kind: ImportKind) -> bytes:
    """Return a file with the right heading and one row."""
    return b"".join(write_csv([field.name for field in kind.fields], [[field.example for field in kind.fields]]))
