"""CSV that PostgreSQL writes itself, for exports of many rows: the bytes of `spreadsheets`, several times as fast.

A cell is a column of a statement; what a person typed goes through `typed`, so that no spreadsheet runs it. A list is
read in batches, between which nothing is held: neither a connection nor a snapshot that a slow reader would keep open.
A statement is compiled once for all of its batches, and the clock of its connection is the business's meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
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
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.quoted_sql import QuotedSql, open_value, quote_made, quote_sql
from domain.kernel.spreadsheets import write_csv
from models.session import Database, raw_connection_of

# The first one is small, so that the download begins at once.
FIRST_BATCH, BATCH = 500, 10_000
# As `guard_formula` looks for them.
_FORMULA: ColumnElement[str] = literal_column(r"'^[ '']*[-=+@\t\r]'")
_APOSTROPHE: ColumnElement[str] = literal_column("''''")
_EMPTY: ColumnElement[str] = literal_column("''")
_FIRST_LETTER: ColumnElement[str] = literal_column("'A'")
_FIRST_DIGIT: ColumnElement[str] = literal_column("'0'")
_BEHIND_DIGITS: ColumnElement[str] = literal_column("':'")
_PLUS: ColumnElement[str] = literal_column("'+'")
_ENDS = ("after", "last")
_ON_THE_CLOCK = "SELECT set_config('TimeZone', $1, true)"
# The ids of a batch of `copy_listed`, which its cells may be narrowed to.
LISTED = open_value("listed", ARRAY(BigInteger))
_IS_FIRST, _IS_LAST = open_value("is_first", Boolean()), open_value("is_last", Boolean())
_PASSED = open_value("passed", BigInteger())


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a sheet: their cells under all conditions, and the columns that they are sorted by.

    Together these columns name one row, and none of them is null; `falls` turns their order round.
    """

    cells: Select[Any]
    place: Sequence[ColumnElement[Any]]
    falls: bool = False


FindRows = Callable[[AsyncConnection], Awaitable[Rows]]


def typed(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of a text, behind an apostrophe where a spreadsheet would take it for a formula."""
    plain = text.collate("C")
    # A letter or a digit begins no formula: a comparison or two spare most texts the pattern.
    return case(
        (plain >= _FIRST_LETTER, text),
        ((plain >= _FIRST_DIGIT) & (plain < _BEHIND_DIGITS), text),
        (text.op("~")(_FORMULA), _APOSTROPHE.op("||")(text)),
        else_=func.nullif(text, _EMPTY),
    )


def typed_phone(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same of a text that mostly is a phone number, whose plus is seen sooner than the rest is."""
    return case((text.op("^@")(_PLUS), _APOSTROPHE.op("||")(text)), else_=typed(text))


def on_day(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of a moment's business day."""
    return cast(moment, Date)


def at_minute(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of a moment on the business's clock, as 2026-11-24 09:30."""
    return func.left(cast(moment, Text), 16)


def yes_or_no(is_so: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell of what is true or false."""
    return case((is_so, "yes"), else_="no")


def in_batch(*place: ColumnElement[Any], falls: bool = False) -> ColumnElement[bool]:
    """The condition of standing in the batch, by the columns of a sheet's place or by what is equal to them."""
    after, last = ([open_value(f"{end}_{n}", column.type) for n, column in enumerate(place)] for end in _ENDS)
    here = tuple_(*place)
    begins = here < tuple_(*after) if falls else here > tuple_(*after)
    ends = here >= tuple_(*last) if falls else here <= tuple_(*last)
    return and_(or_(_IS_FIRST, begins), or_(_IS_LAST, ends))


def copy_sheet(
    database: Database, columns: Sequence[str], find_rows: FindRows, *, timezone: tzinfo
) -> AsyncIterator[bytes]:
    """Rows in their own order as pieces of a CSV file; `find_rows` is asked once, when the first batch is read.

    Each batch is all that stands between its first place and its last when it is read.
    """
    return send_sheet(columns, _read_batches(database, find_rows, timezone))


def copy_listed(
    database: Database, columns: Sequence[str], cells: Select[Any], ids: Sequence[int], *, timezone: tzinfo
) -> AsyncIterator[bytes]:
    """The rows of a list of ids as pieces of a CSV file; `cells` reads those of `LISTED` in their order."""
    return send_sheet(columns, _read_listed(database, cells, ids, timezone))


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


async def _read_batches(database: Database, find_rows: FindRows, timezone: tzinfo) -> AsyncGenerator[bytes]:
    lines = ends = None
    after: list[str] = []
    most = FIRST_BATCH
    while True:
        async with _reading(database, timezone) as (connection, raw):
            if lines is None or ends is None:
                lines, ends = await _quote_rows(raw, await find_rows(connection))
            found = await _copy(raw, ends.fill(_name_bounds(after, []) | {"passed": str(most - 1)}), "text")
            # Without a second line nothing comes after the batch.
            end, *more = found.decode().splitlines() or [""]
            last = [bytes.fromhex(literal).decode() for literal in end.split()] if more else []
            data = await _copy(raw, lines.fill(_name_bounds(after, last)), "csv")
        yield _end_lines(data)
        if not last:
            return
        after, most = last, BATCH


async def _read_listed(
    database: Database, cells: Select[Any], ids: Sequence[int], timezone: tzinfo
) -> AsyncGenerator[bytes]:
    lines = None
    at, most = 0, FIRST_BATCH
    while at < len(ids):
        listed = ",".join(map(str, ids[at : at + most]))
        async with _reading(database, timezone) as (_, raw):
            lines = lines or await quote_sql(raw, cells)
            data = await _copy(raw, lines.fill({"listed": f"'{{{listed}}}'"}), "csv")
        yield _end_lines(data)
        at, most = at + most, BATCH


@asynccontextmanager
async def _reading(database: Database, timezone: tzinfo) -> AsyncIterator[tuple[AsyncConnection, asyncpg.Connection]]:
    """A connection on the business's clock, which it is taken off again; each connection's own is UTC."""
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
    """The statements of a batch and of its end, which rows in their order say all about."""
    sorted_rows = rows.cells.order_by(*_order_of(rows))
    return await quote_made(raw, sorted_rows, "batches", lambda: (_select_batch(rows), _select_end(rows)))


def _select_batch(rows: Rows) -> Select[Any]:
    return rows.cells.where(in_batch(*rows.place, falls=rows.falls)).order_by(*_order_of(rows))


def _order_of(rows: Rows) -> list[ColumnElement[Any]]:
    return [column.desc() if rows.falls else column.asc() for column in rows.place]


def _select_end(rows: Rows) -> Select[Any]:
    """The last place of a batch and the next one, as SQL literals; in hexadecimals, which COPY leaves as they are."""
    wanted = rows.cells.whereclause
    conditions = [*([] if wanted is None else [wanted]), in_batch(*rows.place, falls=rows.falls)]
    places = select(*(column.label(f"place_{n}") for n, column in enumerate(rows.place))).where(*conditions)
    if len(places.get_final_froms()) > 1:
        # The conditions ask about what the cells join; without that, an index of the place may hold all of it.
        places = places.select_from(*rows.cells.get_final_froms())
    # A query of its own, since literals of the places that are passed over are else made too.
    end = places.order_by(*_order_of(rows)).limit(2).offset(_PASSED).subquery()
    literals = (func.quote_literal(cast(column, Text)) for column in end.c)
    return select(*(func.encode(func.convert_to(literal, "UTF8"), "hex") for literal in literals))


def _name_bounds(after: Sequence[str], last: Sequence[str]) -> dict[str, str]:
    """The open values of `in_batch`; a side without a place is open."""
    bounds = {"is_first": str(not after), "is_last": str(not last)}
    places = zip(_ENDS, (after, last), strict=True)
    return bounds | {f"{end}_{n}": literal for end, place in places for n, literal in enumerate(place)}


async def _copy(raw: asyncpg.Connection, sql: str, form: str) -> bytes:
    """What a statement answers, all of it in memory: for one batch of an export."""
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(piece)

    await raw.copy_from_query(sql, output=keep, format=form)
    return b"".join(pieces)


def _end_lines(data: bytes) -> bytes:
    """End rows as `csv` does, by a carriage return too; a line break within quotation marks stays what it is."""
    if b'"' not in data:
        return data.replace(b"\n", b"\r\n")
    parts = data.split(b'"')
    parts[::2] = [outside.replace(b"\n", b"\r\n") for outside in parts[::2]]
    return b'"'.join(parts)
