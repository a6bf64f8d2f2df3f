"""Uploads a file: it is examined, stored in pieces of a megabyte, and never in memory as a whole."""

import asyncio
from collections.abc import Iterable
from typing import BinaryIO

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import require
from domain.imports.kinds import KINDS, ImportKind
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.live import Topic, announce
from domain.kernel.spreadsheets import SheetShape, describe_csv, read_csv
from models import ImportChunk, ImportRun, ImportState

CHUNK_BYTES = 1_000_000


def find_kind(name: str) -> ImportKind:
    """Return the kind with this name. Raises NotFound."""
    if name not in KINDS:
        raise NotFound("There is no such kind of import.")
    return KINDS[name]


def guess_mapping(kind: ImportKind, names: Iterable[str]) -> dict[str, str]:
    """Return the field for each column whose name identifies it; the first column of a field is used."""
    mapping: dict[str, str] = {}
    for name in names:
        found = kind.find_field(name)
        if found is not None and found not in mapping.values():
            mapping[name] = found
    return mapping


async def upload_file(
    db: AsyncSession, kind: ImportKind, file: BinaryIO, filename: str, *, needs_columns: bool, by: Actor
) -> ImportRun:
    """Store a file as a draft with guessed columns. Raises InvalidInput if it is not CSV or has too many rows.

    With `needs_columns`, the heading must name every required field, as in a file sent to the API.
    """
    require(by, kind.right, f"Your role does not import {kind.noun}.")
    shape, size = await asyncio.to_thread(_look, file)
    mapping = guess_mapping(kind, shape.names)
    missing = [name for name in kind.required if name not in mapping.values()]
    if needs_columns and (missing or not mapping):
        what = (
            f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
            if missing
            else ("has none of the columns of the template")
        )
        raise InvalidInput(f"The file {what}.", code=Code.BAD_FILE, fields={"file": what})
    run = ImportRun(
        kind=kind.name,
        state=ImportState.DRAFT,
        filename=filename[:200].replace("\0", ""),
        size_bytes=size,
        encoding="Windows-1252" if shape.encoding == "cp1252" else "UTF-8",
        delimiter=shape.delimiter,
        headings=shape.names,
        mapping=mapping,
        **by.columns,
    )
    db.add(run)
    await db.flush()
    position = 0
    while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
        await db.execute(insert(ImportChunk).values(run_id=run.id, position=position, data=piece))
        position += 1
    await announce(db, Topic.IMPORTS, run.id)
    return run


def _look(file: BinaryIO) -> tuple[SheetShape, int]:
    """Return the format and the length of the file, leaving it at its beginning."""
    shape = describe_csv(file)
    read_csv(file)
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    return shape, size
