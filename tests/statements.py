"""The statements that really go to the database, whoever sends them: for tests that count or read them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from models.session import Database

_NO_READS = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT", "BEGIN", "COMMIT")


@asynccontextmanager
async def noted_statements(database: Database) -> AsyncIterator[list[str]]:
    """The statements sent over the rolled-back database's connection, savepoints left out."""
    raw = await database.connection.get_raw_connection()  # type: ignore[attr-defined]
    statements: list[str] = []

    def note(logged: Any) -> None:
        if not logged.query.lstrip().startswith(_NO_READS):
            statements.append(logged.query)

    raw.driver_connection.add_query_logger(note)
    try:
        yield statements
    finally:
        raw.driver_connection.remove_query_logger(note)
