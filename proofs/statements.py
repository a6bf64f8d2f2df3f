"""The statements that really go to the database over one connection, whichever code sends them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

_NO_READS = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT", "BEGIN", "COMMIT")
# What asyncpg asks of its own about a type that the connection meets for the first time.
_OF_TYPES = ("typeinfo_tree", "set_config('jit'")


def is_of_types(statement: str) -> bool:
    """True for a statement of asyncpg's own about the types of an answer, which a connection sends once."""
    return any(mark in statement for mark in _OF_TYPES)


@asynccontextmanager
async def noted_on(connection: AsyncConnection) -> AsyncIterator[list[str]]:
    """The statements of SQLAlchemy and those of asyncpg's own calls, in their order, without savepoints and types."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    statements: list[str] = []

    def note(statement: str) -> None:
        if not statement.lstrip().startswith(_NO_READS) and not is_of_types(statement):
            statements.append(statement)

    # What SQLAlchemy prepares passes asyncpg's loggers by.
    def note_prepared(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        note(statement)

    def note_logged(logged: Any) -> None:
        note(logged.query)

    event.listen(connection.sync_connection, "before_cursor_execute", note_prepared)
    driver.add_query_logger(note_logged)
    try:
        yield statements
    finally:
        driver.remove_query_logger(note_logged)
        event.remove(connection.sync_connection, "before_cursor_execute", note_prepared)
