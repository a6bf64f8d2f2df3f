"""Reads and writes CSV as spreadsheet programs do, row by row for files of any length.

Text that a spreadsheet would run as a formula is written with an apostrophe in front, which is removed when it is read.
"""

import codecs
import csv
import io
import itertools
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import BinaryIO

from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput

MOST_ROWS = 100_000
# For files written by programs; each row is stored with the names of all its columns.
MOST_COLUMNS = 1_000
# Without it, Excel reads UTF-8 as Windows-1252.
BYTE_ORDER_MARK = "\ufeff"
_CHUNK_BYTES = 65_536
_DELIMITERS = (",", ";", "\t")
# Spreadsheets with East Asian settings also take the full-width signs.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Spreadsheets skip leading spaces. Skipping apostrophes too makes it possible to remove exactly the one added.
_IGNORED_STARTS = " '"
_QUOTED = re.compile(r'"[^"]*"')

Cell = str | int | Decimal | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row by column name. `fault` says why it can't be used; `cells` is then empty."""

    line_number: int
    cells: dict[str, str]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class SheetShape:
    """The format of a CSV file: its encoding, delimiter, column names, and headings as written in the file."""

    encoding: str
    delimiter: str
    names: list[str]
    headings: list[str]


def describe_csv(file: BinaryIO, *, field: str = "file") -> SheetShape:
    """Examine the beginning of a CSV file. Raises InvalidInput if it is not CSV."""
    encoding = _choose_encoding(file, field)
    delimiter, names, first_line = _read_heading(file, encoding, field)
    line = next(itertools.islice(_read_lines(file, encoding), first_line - 1, None), "")
    headings = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    return SheetShape(encoding, delimiter, names, headings[: len(names)])


def read_csv(
    file: BinaryIO, *, required: Iterable[str] = (), most_rows: int = MOST_ROWS, field: str = "file"
) -> Iterator[SheetRow]:
    """Read a CSV file's rows by the names in its first line.

    UTF-8 and Windows-1252 are accepted, with comma, semicolon or tab. Column names are converted to lower case with
    underscores. Blank rows are skipped. A bad row is returned with a `fault`. Raises InvalidInput before the first row
    if the file is not CSV, lacks a required column, or has too many columns or rows. The file must be seekable; it is
    read several times, never as a whole.
    """
    encoding = _choose_encoding(file, field)
    delimiter, names, first_line = _read_heading(file, encoding, field)
    missing = [name for name in required if name not in names]
    if missing:
        raise _refuse(field, f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
    if _has_more_lines(file, most_rows):
        rows = _read_rows(file, encoding, delimiter, names, first_line)
        if next(itertools.islice(rows, most_rows, None), None) is not None:
            raise _refuse(field, f"has more than {most_rows:,} rows; split it", code=Code.TOO_MANY_ROWS)
    return _read_rows(file, encoding, delimiter, names, first_line)


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Write rows as CSV in chunks of about 64 KB, the heading first."""
    sheet = _Sheet(columns)
    for row in rows:
        yield from sheet.add(row)
    yield sheet.take()


async def stream_csv(columns: Sequence[str], rows: AsyncIterable[Sequence[Cell]]) -> AsyncIterator[bytes]:
    """Like `write_csv`, for rows from a database cursor. The heading is sent before the first row is read."""
    sheet = _Sheet(columns)
    yield sheet.take()
    async for row in rows:
        for piece in sheet.add(row):
            yield piece
    yield sheet.take()


def guard_formula(text: str) -> str:
    """Put an apostrophe in front of a text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.lstrip(_IGNORED_STARTS).startswith(_FORMULA_STARTS) else text


def unguard_formula(text: str) -> str:
    """Remove the apostrophe that `guard_formula` added, and only that one."""
    is_guarded = text.startswith("'") and text.lstrip(_IGNORED_STARTS).startswith(_FORMULA_STARTS)
    return text[1:] if is_guarded else text


class _Sheet:
    """Collects rows as CSV until there are enough to send."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._text = io.StringIO(newline="")
        self._text.write(BYTE_ORDER_MARK)
        self._writer = csv.writer(self._text)
        self._writer.writerow([guard_formula(column) for column in columns])

    def add(self, row: Sequence[Cell]) -> list[bytes]:
        self._writer.writerow([_write_cell(cell) for cell in row])
        return [self.take()] if self._text.tell() >= _CHUNK_BYTES else []

    def take(self) -> bytes:
        piece = self._text.getvalue().encode("utf-8", "replace")
        self._text.seek(0)
        self._text.truncate()
        return piece


def _write_cell(cell: Cell) -> str:
    """Return a cell as text. Numbers, also negative ones, stay numbers; text is guarded against formulas."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return guard_formula(cell)
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
    return str(cell)


def _choose_encoding(file: BinaryIO, field: str) -> str:
    file.seek(0)
    start = file.read(4096)
    if not start.strip():
        raise _refuse(field, "is empty")
    if b"\0" in start.splitlines()[0] or start.startswith(b"PK\x03\x04"):
        raise _refuse(field, "is not CSV text; save the sheet as CSV UTF-8")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in itertools.chain([start], iter(lambda: file.read(_CHUNK_BYTES), b"")):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _has_more_lines(file: BinaryIO, most: int) -> bool:
    """Check quickly whether there could be more rows than allowed. Quoted line breaks make it an estimate."""
    file.seek(0)
    lines = 0
    for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
        lines += chunk.count(b"\n") + chunk.count(b"\r")
    return lines >= most


def _read_heading(file: BinaryIO, encoding: str, field: str) -> tuple[str, list[str], int]:
    """Return the delimiter, the names of the columns, and the number of lines before the first row."""
    for line_number, line in enumerate(_read_lines(file, encoding), start=1):
        heading = line.strip()
        if not heading or heading.lower().startswith("sep="):
            continue
        unquoted = _QUOTED.sub("", heading)
        delimiter = max(_DELIMITERS, key=unquoted.count)
        try:
            [cells] = csv.reader([line], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            raise _refuse(field, "has a heading that can't be read") from None
        names = [_name_column(cell) for cell in cells]
        while names and not names[-1]:
            names.pop()
        if len(names) > MOST_COLUMNS:
            raise _refuse(field, f"has more than {MOST_COLUMNS:,} columns; remove those without data")
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise _refuse(field, f"has the column {twice[0] or 'without a name'} more than once")
        return delimiter, names, line_number
    raise _refuse(field, "is empty")


def _read_rows(
    file: BinaryIO, encoding: str, delimiter: str, names: Sequence[str], heading_lines: int
) -> Iterator[SheetRow]:
    lines = _Lines(itertools.islice(_read_lines(file, encoding), heading_lines, None))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line_number = heading_lines + lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fault = "has quotation marks that don't match"
            if lines.count_letters() > csv.field_size_limit():
                fault = "has a cell that is too long, or an unclosed quotation mark"
                lines.go_back()
            elif lines.is_over:
                lines.go_back()
            yield SheetRow(line_number, {}, fault)
            continue
        cells = [unguard_formula(cell.strip(" ")).strip() for cell in cells]
        if any(cells):
            yield _make_row(line_number, names, cells)


class _Lines:
    """The lines of a file. Lines swallowed by an unclosed quotation mark are read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._row, self._again = lines, list[str](), list[str]()
        self._taken = 0
        self.is_over = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines, "")
        if not line:
            self.is_over = True
            raise StopIteration
        self._row.append(line)
        self._taken += 1
        return line

    def begin_row(self) -> int:
        """Begin a row with the next line. Returns its number, from 1."""
        self._row = []
        return self._taken + 1

    def count_letters(self) -> int:
        """Return the number of characters of the current row so far."""
        return sum(map(len, self._row))

    def go_back(self) -> None:
        """Read all lines of the current row except the first again."""
        self._taken -= len(self._row) - 1
        self._again += reversed(self._row[1:])
        self.is_over = False


def _make_row(line_number: int, names: Sequence[str], cells: list[str]) -> SheetRow:
    if any(cells[len(names) :]):
        return SheetRow(line_number, {}, f"has {len(cells)} cells where the heading has {len(names)}")
    if any("\0" in cell or "\ufffd" in cell for cell in cells):
        return SheetRow(line_number, {}, "has characters that can't be read")
    cells += [""] * (len(names) - len(cells))
    return SheetRow(line_number, dict(zip(names, cells, strict=False)))


def _read_lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Return the lines of the file from its start, with any line ending, without closing it."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
    try:
        # Not `yield from`: abandoning the iteration would close the wrapper, and with it the caller's file.
        while line := text.readline():
            yield line
    finally:
        text.detach()


def _name_column(cell: str) -> str:
    return re.sub(r"[\s-]+", "_", unguard_formula(cell.strip()).lower())


def _refuse(field: str, sentence: str, *, code: Code = Code.BAD_FILE) -> InvalidInput:
    return InvalidInput(f"The file {sentence}.", code=code, fields={field: sentence})
