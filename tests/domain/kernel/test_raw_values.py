"""Many values as one text: PostgreSQL reads back what was written, whatever is in it."""

from decimal import Decimal
from io import BytesIO

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.raw_values import write_array, write_rows
from models.session import raw_connection

ODD = ["", "NULL", r"\N", r"\\", 'a "b" c', "{1,2}", "a,b", " edges ", "tab\tline\nreturn\r", "crêpe", r"\.", None]


@pytest.fixture
async def raw(db: AsyncSession) -> asyncpg.Connection:
    """The connection of a test's session."""
    return await raw_connection(db)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", ODD),
        ("text", []),
        ("bigint", [1, -7, 2**63 - 1, None]),
        ("numeric", [Decimal("12.50"), Decimal("0.00"), Decimal("1E+3"), None]),
        ("bool", [True, False, None]),
    ],
)
async def test_an_array_is_read_as_it_was_given(raw: asyncpg.Connection, kind: str, values: list[object]) -> None:
    assert await raw.fetchval(f"SELECT $1::text::{kind}[]", write_array(values)) == values


async def test_rows_are_copied_as_they_were_given(raw: asyncpg.Connection) -> None:
    await raw.execute("CREATE TEMPORARY TABLE copied (place int, word text, truth bool) ON COMMIT DROP")
    written = write_rows(enumerate(ODD), [True])
    await raw.copy_to_table("copied", source=BytesIO(written))
    rows = [tuple(row) for row in await raw.fetch("SELECT * FROM copied ORDER BY place")]
    assert rows == [(place, word, True) for place, word in enumerate(ODD)]
