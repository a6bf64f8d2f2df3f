"""Values written as SQL text are read back unchanged, under either setting of standard_conforming_strings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.literals import write_call, write_literal
from models.session import raw_connection

TEXTS = [
    "", "'", "''", "\\", "\\'", "'\\", "\\\\''", "\\x41", "\\u0041\\n", "$1", "$$", ":name", "%s", "';--", "E'",
    "a\nb\tc\r",
    "\x01\x7f\u0080\u2028", "é😀\U0010ffff", "'); DROP TABLE orders; --", "/* ' */ -- '", "\\" * 7 + "'" * 5,
]  # fmt: skip
MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)


@pytest.mark.parametrize("conforming", ["on", "off"])
async def test_values_come_back_as_they_were(db: AsyncSession, conforming: str) -> None:
    connection = await raw_connection(db)
    await connection.execute(f"SET LOCAL standard_conforming_strings = {conforming}")
    row = await connection.fetchrow(f"SELECT {', '.join(f'{write_literal(text)}::text' for text in TEXTS)}")
    assert row is not None
    assert list(row.values()) == TEXTS
    data, age = bytes(range(256)), timedelta(days=-3, seconds=7, microseconds=9)
    others: list[tuple[Any, str]] = [
        (data, "bytea"),
        (b"", "bytea"),
        (MOMENT, "timestamptz"),
        (age, "interval"),
        (-(2**63) + 1, "bigint"),
    ]
    row = await connection.fetchrow(f"SELECT {', '.join(f'({write_literal(one)})::{kind}' for one, kind in others)}")
    assert row is not None
    assert list(row.values()) == [one for one, _ in others]
    assert write_call("f", None, 3) == "f(NULL, 3)"


def test_a_text_that_the_database_can_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        write_literal("a\0b")
    with pytest.raises(ValueError, match="surrogates"):
        write_literal("\ud800")
    with pytest.raises(TypeError):
        write_literal(True)
