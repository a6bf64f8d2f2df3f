"""Loops over thousands of rows that do not block the event loop for long."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

import asyncpg

T = TypeVar("T")

ROWS_A_TURN = 250


async def in_turns(rows: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield the rows a few hundred at a time; between them, other tasks can run."""
    for start in range(0, len(rows), ROWS_A_TURN):
        if start:
            await asyncio.sleep(0)
        yield rows[start : start + ROWS_A_TURN]


async def read_in_pieces(
    connection: asyncpg.Connection, statement: str, *given: object, size: int
) -> AsyncIterator[list[asyncpg.Record]]:
    """Yield the rows of a statement, `size` at a time. The cursor is closed after the last ones."""
    piece: list[asyncpg.Record] = []
    async for row in connection.cursor(statement, *given, prefetch=size):
        piece.append(row)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
