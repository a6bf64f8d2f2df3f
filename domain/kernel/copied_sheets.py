"""CSV written by PostgreSQL itself, for exports of many rows: the same bytes as `spreadsheets`, several times as fast.

A cell is a column of a statement. Text typed by people goes through `typed`, so that no spreadsheet runs it as a
formula. A list is read in batches, whose rows are sent as they arrive. The database never waits for a slow reader: what
is left of a batch is kept in memory, and between batches, neither a connection nor a snapshot is open.
A statement is compiled once for all its batches; while it runs, its connection uses the business time zone.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

import asyncpg
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.quoted_sql import QuotedSql, name_conditions, open_value, quote_known
from domain.kernel.spreadsheets import write_csv
from models.session import Database, raw_connection_of

# The first batch is small, so that the download begins at once.
FIRST_BATCH, BATCH = 500, 10_000
# The rows of later batches are sent in pieces of at least this size: PostgreSQL sends a few of them at a time.
PIECE_BYTES = 131_072
# The same pattern as in `guard_formula`.
_FORMULA: ColumnElement[str] = literal_column(r"'^[ '']*[-=+@\t\r\uff1d\uff0b\uff0d\uff20]'")
_APOSTROPHE: ColumnElement[str] = literal_column("''''")
_EMPTY: ColumnElement[str] = literal_column("''")
_FIRST_LETTER: ColumnElement[str] = literal_column("'A'")
_BEHIND_LETTERS: ColumnElement[str] = literal_column("'\uff00'")
_FIRST_DIGIT: ColumnElement[str] = literal_column("'0'")
_BEHIND_DIGITS: ColumnElement[str] = literal_column("':'")
_PLUS: ColumnElement[str] = literal_column("'+'")
_ENDS = ("after", "last")
_ON_THE_CLOCK = "SELECT set_config('TimeZone', $1, true)"
# The ids of a batch of `copy_listed`; its statement may be limited to them.
LISTED = open_value("listed", ARRAY(BigInteger))
_IS_FIRST, _IS_LAST = open_value("is_first", Boolean()), open_value("is_last", Boolean())
_PASSED = open_value("passed", BigInteger())


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a sheet: a query for their cells, the columns that sort them, and the conditions of the list.

    Together the columns of `place` are unique, and none is null. `falls` sorts them in descending order. `cells` is
    built once for all lists of a kind: naming its statement takes longer than copying a short list.
    """

    cells: Select[Any]
    place: tuple[ColumnElement[Any], ...]
    conditions: Sequence[ColumnElement[bool]] = ()
    falls: bool = False


class LastPiece(bytes):
    """The first batch of a file that ends with it, for readers who want to know that without asking for more."""


FindRows = Callable[[AsyncConnection], Awaitable[Rows]]
Send = Callable[[bytes], None]
# Reads a file: passes on each piece when it has it, and yields after each batch.
ReadBatches = Callable[[Send], AsyncGenerator[None]]


def typed(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of a text, with an apostrophe in front if a spreadsheet would take it for a formula."""
    plain = text.collate("C")
    # Letters and digits never begin a formula, and empty texts are none: most texts need no pattern match. Full-width
    # signs come after the letters.
    return case(
        ((plain >= _FIRST_LETTER) & (plain < _BEHIND_LETTERS), text),
        ((plain >= _FIRST_DIGIT) & (plain < _BEHIND_DIGITS), text),
        (text == _EMPTY, null()),
        (text.op("~")(_FORMULA), _APOSTROPHE.op("||")(text)),
        else_=text,
    )


def typed_phone(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Like `typed`, for texts that are mostly phone numbers: the leading plus is checked first."""
    return case((text.op("^@")(_PLUS), _APOSTROPHE.op("||")(text)), else_=typed(text))


def on_day(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of a moment's business day."""
    return cast(moment, Date)


def at_minute(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of a moment in the business time zone, for example 2026-11-24 09:30."""
    return func.left(cast(moment, Text), 16)


def yes_or_no(is_so: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of a boolean."""
    return case((is_so, "yes"), else_="no")


def in_batch(*place: ColumnElement[Any], falls: bool = False) -> ColumnElement[bool]:
    """The condition of being in the batch, on a sheet's `place` columns or on columns equal to them."""
    after, last = ([open_value(f"{end}_{n}", column.type) for n, column in enumerate(place)] for end in _ENDS)
    here = tuple_(*place)
    begins = here < tuple_(*after) if falls else here > tuple_(*after)
    ends = here >= tuple_(*last) if falls else here <= tuple_(*last)
    return and_(or_(_IS_FIRST, begins), or_(_IS_LAST, ends))


def copy_sheet(
    database: Database, columns: Sequence[str], find_rows: FindRows, *, timezone: tzinfo
) -> AsyncIterator[bytes]:
    """Return rows in their own order as chunks of a CSV file. `find_rows` is called once, when the first batch is read.

    Each batch contains all rows between its first and its last place at the time when it is read.
    """
    return send_sheet(columns, lambda send: _read_batches(database, find_rows, timezone, send))


def copy_listed(
    database: Database, columns: Sequence[str], cells: Select[Any], ids: Sequence[int], *, timezone: tzinfo
) -> AsyncIterator[bytes]:
    """Return the rows with these ids as chunks of a CSV file. `cells` selects the rows of `LISTED` in order.

    As in `Rows`, it is built once.
    """
    return send_sheet(columns, lambda send: _read_listed(database, cells, ids, timezone, send))


async def send_sheet(columns: Sequence[str], read: ReadBatches) -> AsyncIterator[bytes]:
    """Return the chunks of a CSV file: heading and rows. Rows are sent while the rest of their batch is read."""
    yield b"".join(write_csv(columns, []))
    ahead = _ReadAhead()
    reading = asyncio.ensure_future(ahead.read(read))
    try:
        while (piece := await ahead.take()) is not None:
            yield piece
        await reading
    finally:
        # A client that disconnected does not need the batch that is being read.
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading


class _ReadAhead:
    """The pieces of a batch that have been read and not yet taken."""

    def __init__(self) -> None:
        # None ends a batch, or the file.
        self._pieces = asyncio.Queue[bytes | None]()
        self._may_go_on = asyncio.Semaphore(0)
        self._is_over = False

    async def read(self, read: ReadBatches) -> None:
        """Read all batches, each when the previous one has been taken."""
        try:
            async with aclosing(read(self._pieces.put_nowait)) as batches:
                async for _ in batches:
                    self._pieces.put_nowait(None)
                    await self._may_go_on.acquire()
        finally:
            self._is_over = True
            self._pieces.put_nowait(None)

    async def take(self) -> bytes | None:
        """Return the next piece; None after the last one, or if reading failed."""
        while (piece := await self._pieces.get()) is None:
            if self._is_over and self._pieces.empty():
                return None
            self._may_go_on.release()
        return piece


async def _read_batches(database: Database, find_rows: FindRows, timezone: tzinfo, send: Send) -> AsyncGenerator[None]:
    lines = ends = None
    after: list[str] = []
    most = FIRST_BATCH
    while True:
        async with _reading(database, timezone) as (connection, raw):
            if lines is None or ends is None:
                lines, ends = await _quote_rows(raw, await find_rows(connection))
            found = await _copy_text(raw, ends.fill(_name_bounds(after, []) | {"passed": str(most - 1)}))
            # If there is no second row, nothing follows the batch.
            end, *more = found.splitlines() or [""]
            last = [bytes.fromhex(literal).decode() for literal in end.split()] if more else []
            rest = await _copy_lines(raw, lines.fill(_name_bounds(after, last)), send if after else None)
        _send_rest(send, rest, is_all=not after and not last)
        yield
        if not last:
            return
        after, most = last, BATCH


async def _read_listed(
    database: Database, cells: Select[Any], ids: Sequence[int], timezone: tzinfo, send: Send
) -> AsyncGenerator[None]:
    lines = None
    at, most = 0, FIRST_BATCH
    while at < len(ids):
        end = at + most
        listed = ",".join(map(str, ids[at:end]))
        async with _reading(database, timezone) as (_, raw):
            if lines is None:
                [lines] = await quote_known(raw, (cells,), lambda: [cells])
            rest = await _copy_lines(raw, lines.fill({"listed": f"'{{{listed}}}'"}), send if at else None)
        _send_rest(send, rest, is_all=not at and end >= len(ids))
        yield
        at, most = end, BATCH


@asynccontextmanager
async def _reading(database: Database, timezone: tzinfo) -> AsyncIterator[tuple[AsyncConnection, asyncpg.Connection]]:
    """Open a connection in the business time zone; afterwards it is UTC again, as for all connections."""
    async with database.reporting() as connection:
        raw = await raw_connection_of(connection)
        if timezone is UTC:
            yield connection, raw
            return
        transaction = raw.transaction()
        await transaction.start()
        try:
            await raw.fetchval(_ON_THE_CLOCK, str(timezone))
            yield connection, raw
        finally:
            await transaction.rollback()  # nothing was written


async def _quote_rows(raw: asyncpg.Connection, rows: Rows) -> tuple[QuotedSql, ...]:
    """Return the statements of a batch and of its end."""
    named = name_conditions(rows.conditions)
    name = None if named is None else (rows.cells, rows.place, rows.falls, *named)
    return await quote_known(raw, name, lambda: (_select_batch(rows), _select_end(rows)))


def _select_batch(rows: Rows) -> Select[Any]:
    return rows.cells.where(*_conditions_of(rows)).order_by(*_order_of(rows))


def _conditions_of(rows: Rows) -> list[ColumnElement[bool]]:
    return [*rows.conditions, in_batch(*rows.place, falls=rows.falls)]


def _order_of(rows: Rows) -> list[ColumnElement[Any]]:
    return [column.desc() if rows.falls else column.asc() for column in rows.place]


def _select_end(rows: Rows) -> Select[Any]:
    """Select the last place of a batch and the next one, as SQL literals in hexadecimal, which COPY does not change."""
    wanted = rows.cells.whereclause
    conditions = [*([] if wanted is None else [wanted]), *_conditions_of(rows)]
    places = select(*(column.label(f"place_{n}") for n, column in enumerate(rows.place))).where(*conditions)
    if len(places.get_final_froms()) > 1:
        # The conditions refer to tables that the cells join. Without them, an index on the place may be enough.
        places = places.select_from(*rows.cells.get_final_froms())
    # A subquery, because otherwise literals would also be made of the places skipped by OFFSET.
    end = places.order_by(*_order_of(rows)).limit(2).offset(_PASSED).subquery()
    literals = (func.quote_literal(cast(column, Text)) for column in end.c)
    return select(*(func.encode(func.convert_to(literal, "UTF8"), "hex") for literal in literals))


def _name_bounds(after: Sequence[str], last: Sequence[str]) -> dict[str, str]:
    """Return the open values of `in_batch`. An empty sequence means no bound on that side."""
    bounds = {"is_first": str(not after), "is_last": str(not last)}
    places = zip(_ENDS, (after, last), strict=True)
    return bounds | {f"{end}_{n}": literal for end, place in places for n, literal in enumerate(place)}


async def _copy_lines(raw: asyncpg.Connection, sql: str, send: Send | None) -> bytes:
    """Send the lines of a batch in pieces as they arrive, and return the rest; without `send`, return all.

    The rest is sent when the connection has been returned, so a reader of the last piece may hang up.
    """
    held = bytearray()

    async def keep(rows: bytes) -> None:
        held.extend(rows)
        if send is not None and len(held) >= PIECE_BYTES:
            send(_end_lines(bytes(held)))
            held.clear()

    # PostgreSQL sends each row as one message, and asyncpg passes on only whole messages.
    await raw.copy_from_query(sql, output=keep, format="csv")
    return _end_lines(bytes(held))


def _send_rest(send: Send, rest: bytes, *, is_all: bool) -> None:
    if is_all:
        send(LastPiece(rest))
    elif rest:
        send(rest)


async def _copy_text(raw: asyncpg.Connection, sql: str) -> str:
    """Return a statement's rows as lines of text."""
    held = bytearray()

    async def keep(rows: bytes) -> None:
        held.extend(rows)

    await raw.copy_from_query(sql, output=keep)
    return held.decode()


def _end_lines(data: bytes) -> bytes:
    """End rows with CR LF like the `csv` module; line breaks within quotation marks do not change."""
    if b'"' not in data:
        return data.replace(b"\n", b"\r\n")
    parts = data.split(b'"')
    parts[::2] = [outside.replace(b"\n", b"\r\n") for outside in parts[::2]]
    return b'"'.join(parts)
