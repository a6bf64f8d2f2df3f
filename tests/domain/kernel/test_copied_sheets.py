"""What PostgreSQL writes as CSV is to the byte what `spreadsheets` writes."""

import asyncio
import random
from collections.abc import AsyncGenerator
from decimal import Decimal

from sqlalchemy import Integer, Numeric, Text, column, select, values
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.copied_sheets import copy_rows, send_sheet, typed
from domain.kernel.spreadsheets import write_csv

PIECES = ("=", "+", "-", "@", "\t", "\r", "\n", " ", "'", '"', ",", ";", "a", "Z", "0", "é", "漢", "€", "\\", "\\.")


async def test_cells_are_the_same_to_the_byte(db: AsyncSession) -> None:
    chance = random.Random(18)
    texts = ["", None, "=1+1", " '=1", "'", "''=x", '"', "\\.", "a\r\nb", "- 5", "5", "Å=1", "+1330", "a\nb,c\n"]
    texts += ["".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 7))) for _ in range(2_000)]
    rows = [(n, text, Decimal(n) / 4 - 3) for n, text in enumerate(texts)]
    written = b"".join(write_csv(("n", "text", "amount"), rows)).partition(b"\r\n")[2]
    found = b""
    for first in range(0, len(rows), 500):
        sheet = values(column("n", Integer), column("text", Text), column("amount", Numeric), name="sheet").data(
            rows[first : first + 500]
        )
        statement = select(sheet.c.n, typed(sheet.c.text), sheet.c.amount).order_by(sheet.c.n)
        found += await copy_rows(await db.connection(), statement)
    assert found == written


async def test_the_next_batch_is_read_while_one_is_sent_and_none_for_who_hung_up() -> None:
    done: list[str] = []

    async def read() -> AsyncGenerator[bytes]:
        try:
            for n in range(5):
                done.append(f"read {n}")
                yield b"%d\r\n" % n
        finally:
            done.append("closed")

    sheet = send_sheet(("n",), read())
    assert await anext(sheet) == "\ufeffn\r\n".encode()
    assert done == []
    assert await anext(sheet) == b"0\r\n"
    await asyncio.sleep(0)
    assert done == ["read 0", "read 1"]
    await sheet.aclose()  # type: ignore[attr-defined]
    assert done == ["read 0", "read 1", "closed"]
