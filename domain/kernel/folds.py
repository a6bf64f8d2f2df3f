"""The turn of a job that folds notes into what is kept."""

import asyncpg

_WAIT = "SELECT pg_advisory_xact_lock(hashtext($1))"


async def wait_for_turn(connection: asyncpg.Connection, table: str) -> None:
    """Wait until no other process folds into this table, and keep others waiting until the transaction ends."""
    await connection.execute(_WAIT, table)
