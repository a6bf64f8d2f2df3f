"""Serialises the jobs that fold change rows into precalculated figures."""

import asyncpg

_WAIT = "SELECT pg_advisory_xact_lock(hashtext($1))"


async def wait_for_turn(connection: asyncpg.Connection, table: str) -> None:
    """Wait until no other process folds into this table, and make others wait until this transaction ends."""
    await connection.execute(_WAIT, table)
