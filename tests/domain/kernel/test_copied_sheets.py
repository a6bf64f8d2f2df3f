"""What PostgreSQL writes as CSV is to the byte what `spreadsheets` writes."""

import asyncio
import random
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import DateTime, Integer, Numeric, Text, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.copied_sheets import (
    LISTED,
    LastPiece,
    Rows,
    Send,
    at_minute,
    copy_listed,
    copy_sheet,
    on_day,
    send_sheet,
    typed,
    typed_phone,
)
from domain.kernel.spreadsheets import write_csv
from models.session import Database

CHICAGO = ZoneInfo("America/Chicago")
PIECES = ("=", "+", "-", "@", "\t", "\r", "\n", " ", "'", '"', ",", ";", "a", "Z", "0", "é", "漢", "€", "\\", "\\.")


def make_texts(count: int) -> list[str]:
    chance = random.Random(18)
    return ["".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 7))) for _ in range(count)]


def unnest(**columns: tuple[Any, list[Any]]) -> Any:
    arrays = (literal(values, ARRAY(kind)) for kind, values in columns.values())
    names = (column(name, kind) for name, (kind, _) in columns.items())
    return func.unnest(*arrays).table_valued(*names, name="sheet").render_derived().c


async def copy(database: Database, columns: tuple[str, ...], rows: Rows) -> bytes:
    async def find_rows(_connection: AsyncConnection) -> Rows:
        return rows

    return b"".join([piece async for piece in copy_sheet(database, columns, find_rows, timezone=CHICAGO)])


async def test_cells_are_the_same_to_the_byte(database: Database) -> None:
    texts = [
        "",
        None,
        "=1+1",
        " '=1",
        "'",
        "''=x",
        '"',
        "\\.",
        "a\r\nb",
        "- 5",
        "5",
        ":",
        "/",
        "Å=1",
        "+1330",
        "a\nb,c\n",
        "\uff1d1+1",
        " '\uff20x",
        "\uff0b",
        "\uff0d1",
        "\uff21",
        "\ufeff",
    ]
    texts += make_texts(2_000)
    amounts = [Decimal(n) / 4 - 3 for n in range(len(texts))]
    columns = ("n", "text", "phone", "amount")
    rows = [(n, text, text, amount) for n, (text, amount) in enumerate(zip(texts, amounts, strict=True))]
    sheet = unnest(n=(Integer, [*range(len(texts))]), text=(Text, texts), amount=(Numeric, amounts))
    cells = select(sheet.n, typed(sheet.text), typed_phone(sheet.text), sheet.amount)
    assert await copy(database, columns, Rows(cells, (sheet.n,))) == b"".join(write_csv(columns, rows))


async def test_a_list_that_was_met_before_is_not_made_again_and_its_reverse_is_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = unnest(n=(Integer, [1, 2, 3]), text=(Text, ["a", "=b", "c"]))
    cells = select(typed(sheet.text))

    async def read(*, falls: bool) -> list[str]:
        rows = Rows(cells, (sheet.n,), falls=falls)
        return (await copy(database, ("text",), rows)).decode("utf-8-sig").splitlines()[1:]

    assert await read(falls=False) == ["a", "'=b", "c"]
    assert await read(falls=True) == ["c", "'=b", "a"]
    monkeypatch.setattr("domain.kernel.copied_sheets._select_end", None)
    assert await read(falls=False) == ["a", "'=b", "c"]
    assert await read(falls=True) == ["c", "'=b", "a"]


async def test_a_statement_that_was_met_before_keeps_its_own_cells_conditions_and_values(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = unnest(n=(Integer, [0, 1, 2]), text=(Text, ["a", "=b", "c"]))
    texts, numbers = select(typed(sheet.text)), select(sheet.n)

    async def read(cells: Any, *conditions: Any) -> list[str]:
        rows = Rows(cells, (sheet.n,), conditions)
        return (await copy(database, ("cell",), rows)).decode("utf-8-sig").splitlines()[1:]

    async def check_all() -> None:
        assert await read(texts) == ["a", "'=b", "c"]
        assert await read(texts, sheet.n >= 1) == ["'=b", "c"]
        assert await read(texts, sheet.n >= 2) == ["c"]
        assert await read(texts, sheet.n <= 1) == ["a", "'=b"]
        assert await read(texts, sheet.n >= 1, sheet.n <= 1) == ["'=b"]
        assert await read(numbers, sheet.n >= 1) == ["1", "2"]

    await check_all()
    monkeypatch.delattr("domain.kernel.quoted_sql.quote_sql")
    await check_all()


@pytest.mark.parametrize(("most", "pieces"), [(2, 3), (3, 2), (4, 2)])
async def test_nothing_is_asked_for_behind_the_last_row(
    database: Database, monkeypatch: pytest.MonkeyPatch, most: int, pieces: int
) -> None:
    monkeypatch.setattr("domain.kernel.copied_sheets.FIRST_BATCH", most)
    sheet = unnest(n=(Integer, [1, 2, 3]))

    async def find_rows(_connection: AsyncConnection) -> Rows:
        return Rows(select(sheet.n), (sheet.n,))

    # The heading is a piece too.
    assert len([piece async for piece in copy_sheet(database, ("n",), find_rows, timezone=UTC)]) == pieces


@pytest.mark.parametrize(("most", "ends"), [(2, [False, False, False]), (3, [False, True])])
async def test_a_first_batch_that_is_all_of_a_sheet_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch, most: int, ends: list[bool]
) -> None:
    monkeypatch.setattr("domain.kernel.copied_sheets.FIRST_BATCH", most)
    sheet = unnest(n=(Integer, [1, 2, 3]))

    async def find_rows(_connection: AsyncConnection) -> Rows:
        return Rows(select(sheet.n), (sheet.n,))

    pieces = copy_sheet(database, ("n",), find_rows, timezone=UTC)
    assert [isinstance(piece, LastPiece) async for piece in pieces] == ends


async def test_a_first_batch_that_is_all_of_the_listed_rows_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.kernel.copied_sheets.FIRST_BATCH", 2)
    listed = func.unnest(LISTED).table_valued(column("n", Integer), name="listed").render_derived()
    for ids, ends in (([7], [False, True]), ([7, 8], [False, True]), ([7, 8, 9], [False, False, False])):
        pieces = copy_listed(database, ("n",), select(listed.c.n), ids, timezone=UTC)
        assert [isinstance(piece, LastPiece) async for piece in pieces] == ends


@pytest.mark.parametrize("falls", [False, True])
async def test_batches_go_on_after_any_text(database: Database, monkeypatch: pytest.MonkeyPatch, falls: bool) -> None:
    monkeypatch.setattr("domain.kernel.copied_sheets.BATCH", 7)
    monkeypatch.setattr("domain.kernel.copied_sheets.FIRST_BATCH", 3)
    texts = [*make_texts(60), *["$1", "$1 '; \\", "same", "same"]]
    sheet = unnest(text=(Text, texts), n=(Integer, [*range(len(texts))]))
    place = (sheet.text.collate("C"), sheet.n)
    cells = select(sheet.n, typed(sheet.text)).where(sheet.text != "$1 '; \\", sheet.n >= 1)
    wanted = sorted(((text.encode(), n) for n, text in enumerate(texts) if n and n != 61), reverse=falls)
    written = b"".join(write_csv(("n", "text"), [(n, text.decode()) for text, n in wanted]))
    assert await copy(database, ("n", "text"), Rows(cells, place, falls=falls)) == written


async def test_moments_are_on_the_clock_of_the_business_and_the_connection_is_not_afterwards(
    database: Database,
) -> None:
    moments = [datetime(2026, 11, 1, 6, 59, 59, 999_999, tzinfo=UTC), datetime(2026, 7, 1, 4, 59, 3, tzinfo=UTC)]
    sheet = unnest(n=(Integer, [1, 2]), at=(DateTime(timezone=True), moments))
    cells = select(at_minute(sheet.at), on_day(sheet.at))
    found = await copy(database, ("at", "day"), Rows(cells, (sheet.n,)))
    assert found.decode("utf-8-sig").splitlines()[1:] == ["2026-11-01 01:59,2026-11-01", "2026-06-30 23:59,2026-06-30"]
    async with database.reading() as connection:
        assert await connection.scalar(select(func.current_setting("TimeZone"))) == "UTC"


async def test_the_next_batch_is_read_when_one_has_been_taken_and_none_for_who_hung_up() -> None:
    done: list[str] = []

    async def read(send: Send) -> AsyncGenerator[None]:
        try:
            for n in range(5):
                done.append(f"read {n}")
                send(b"%d\r\n" % n)
                send(b"%d, the rest\r\n" % n)
                yield
        finally:
            done.append("closed")

    sheet = send_sheet(("n",), read)
    assert await anext(sheet) == "\ufeffn\r\n".encode()
    assert done == []
    for n, lines in enumerate((b"0\r\n", b"0, the rest\r\n", b"1\r\n", b"1, the rest\r\n")):
        assert await anext(sheet) == lines
        await wait_a_little()
        assert done == ["read 0", "read 1"][: 1 + n // 2]
    await sheet.aclose()  # type: ignore[attr-defined]
    assert done == ["read 0", "read 1", "closed"]
    whole = b"".join([piece async for piece in send_sheet(("n",), read)])
    assert whole == b"\xef\xbb\xbfn\r\n" + b"".join(b"%d\r\n%d, the rest\r\n" % (n, n) for n in range(5))


async def wait_a_little() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_rows_are_sent_while_their_batch_is_still_read() -> None:
    may_end = asyncio.Event()

    async def read(send: Send) -> AsyncGenerator[None]:
        send(b"1\r\n")
        await may_end.wait()
        send(b"2\r\n")
        yield

    sheet = send_sheet(("n",), read)
    assert [await anext(sheet), await anext(sheet)] == ["\ufeffn\r\n".encode(), b"1\r\n"]
    may_end.set()
    assert [piece async for piece in sheet] == [b"2\r\n"]


async def test_a_batch_that_fails_fails_the_file_after_its_rows() -> None:
    async def read(send: Send) -> AsyncGenerator[None]:
        send(b"1\r\n")
        yield
        send(b"2\r\n")
        raise ConnectionError("The database is away.")

    sheet = send_sheet(("n",), read)
    assert [await anext(sheet) for _ in range(3)] == ["\ufeffn\r\n".encode(), b"1\r\n", b"2\r\n"]
    with pytest.raises(ConnectionError):
        await anext(sheet)


async def test_long_batches_are_sent_in_pieces_of_whole_rows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.kernel.copied_sheets.FIRST_BATCH", 1)
    monkeypatch.setattr("domain.kernel.copied_sheets.BATCH", 3_000)
    monkeypatch.setattr("domain.kernel.copied_sheets.PIECE_BYTES", 20_000)
    texts = [f'{n}, "{n}"\n' * (n % 90) for n in range(5_000)]
    sheet = unnest(n=(Integer, [*range(len(texts))]), text=(Text, texts))
    rows = Rows(select(sheet.n, typed(sheet.text)), (sheet.n,))

    async def find_rows(_connection: AsyncConnection) -> Rows:
        return rows

    pieces = [piece async for piece in copy_sheet(database, ("n", "text"), find_rows, timezone=UTC)]
    assert b"".join(pieces) == b"".join(write_csv(("n", "text"), enumerate(texts)))
    assert len(pieces) > 8
    assert all(piece.endswith(b"\r\n") and piece.count(b'"') % 2 == 0 for piece in pieces)
