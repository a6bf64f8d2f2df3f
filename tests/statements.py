"""The statements that a test sends to the rolled-back database: for tests that count or read them."""

from contextlib import AbstractAsyncContextManager

from models.session import Database
from proofs.statements import noted_on


def noted_statements(database: Database) -> AbstractAsyncContextManager[list[str]]:
    """The statements sent over the rolled-back database's connection, savepoints left out."""
    return noted_on(database.connection)  # type: ignore[attr-defined]
