"""CSV that PostgreSQL writes itself, for exports of many rows: the bytes of `spreadsheets`, several times as fast.

A cell is a column of a statement; what a person typed goes through `typed`, so that no spreadsheet runs it. A list is
read in batches, between which nothing is held: neither a connection nor a snapshot that a slow reader would keep open.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, cast

import asyncpg
from sqlalchemy import ColumnElement, Select, case, func, literal_column
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.spreadsheets import write_csv

# The first one is small, so that the download begins at once.
FIRST_BATCH, BATCH = 500, 10_000
# As `guard_formula` looks for them.
_FORMULA: ColumnElement[str] = literal_column(r"'^[ '']*[-=+@\t\r]'")
_APOSTROPHE: ColumnElement[str] = literal_column("''''")
_EMPTY: ColumnElement[str] = literal_column("''")
_FIRST_LETTER: ColumnElement[str] = literal_column("'A'")
_PLUS: ColumnElement[str] = literal_column("'+'")


def typed(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of a text, behind an apostrophe where a spreadsheet would take it for a formula."""
    behind = _APOSTROPHE.op("||")(text)
    # A phone number begins with a plus; that is seen sooner than the pattern would see it.
    guarded = case((text.op("^@")(_PLUS), behind), (text.op("~")(_FORMULA), behind), else_=func.nullif(text, _EMPTY))
    # All that is in question, the empty text too, sorts before the letters: one comparison spares most the pattern.
    return case((text.collate("C") < _FIRST_LETTER, guarded), else_=text)


async def send_sheet(columns: Sequence[str], batches: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a CSV file: its heading, and its batches, each of them read while the one before it is sent."""
    yield b"".join(write_csv(columns, []))
    coming = asyncio.ensure_future(_next(batches))
    try:
        while (batch := await coming) is not None:
            coming = asyncio.ensure_future(_next(batches))
            yield batch
    finally:
        # Who hung up has no use for the batch that is being read.
        coming.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await coming
        await batches.aclose()


async def _next(batches: AsyncGenerator[bytes]) -> bytes | None:
    return await anext(batches, None)


async def copy_rows(connection: AsyncConnection, statement: Select[Any]) -> bytes:
    """The rows of a statement as lines of CSV, all of them in memory: for one batch of an export."""
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    raw = cast(asyncpg.Connection, (await connection.get_raw_connection()).driver_connection)
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(piece)

    await raw.copy_from_query(str(compiled), *values, output=keep, format="csv")
    return _end_lines(b"".join(pieces))


def _end_lines(data: bytes) -> bytes:
    """End rows as `csv` does, by a carriage return too; a line break within quotation marks stays what it is."""
    if b'"' not in data:
        return data.replace(b"\n", b"\r\n")
    parts = data.split(b'"')
    parts[::2] = [outside.replace(b"\n", b"\r\n") for outside in parts[::2]]
    return b'"'.join(parts)
