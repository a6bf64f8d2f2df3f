"""Connections handed out raw: they come back to the pool, and a lost one is nobody's next."""

import asyncpg
import pytest

from models.session import Database


async def ask_pid(connection: asyncpg.Connection) -> int:
    """The server process behind a connection."""
    return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def end(connection: asyncpg.Connection, pid: int) -> None:
    """Have the server end another connection, and wait until it has."""
    assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)


async def test_a_raw_connection_goes_back_to_the_pool_and_holds_no_transaction(committed: Database) -> None:
    async with committed.raw_reading() as connection:
        first = await ask_pid(connection)
        assert not connection.is_in_transaction()
    async with committed.raw_reading() as connection:
        assert await ask_pid(connection) == first


async def test_a_mistaken_statement_leaves_the_connection_usable(committed: Database) -> None:
    async def ask_nonsense() -> None:
        async with committed.raw_reading() as connection:
            pids.append(await ask_pid(connection))
            await connection.fetch("SELECT * FROM nowhere")

    pids: list[int] = []
    with pytest.raises(asyncpg.UndefinedTableError):
        await ask_nonsense()
    async with committed.raw_reading() as connection:
        assert await ask_pid(connection) == pids[0]


async def test_a_connection_lost_while_in_use_is_said_and_replaced(committed: Database) -> None:
    async def lose() -> None:
        async with committed.raw_reading() as connection, committed.raw_reading() as other:
            pids.append(await ask_pid(connection))
            await end(other, pids[0])
            await connection.fetch("SELECT 1")

    pids: list[int] = []
    with pytest.raises(ConnectionError):
        await lose()
    async with committed.raw_reading() as one, committed.raw_reading() as two:
        assert pids[0] not in {await ask_pid(one), await ask_pid(two)}


async def test_a_connection_lost_while_idle_is_replaced_unseen(committed: Database) -> None:
    async with committed.raw_reading() as idle:
        lost = await ask_pid(idle)
    async with committed.raw_reading() as one, committed.raw_reading() as two:
        idle, other = (one, two) if await ask_pid(one) == lost else (two, one)
        await end(other, lost)
        # The news of the end arrives with the next statement at the latest.
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
            await idle.fetchval("SELECT 1")
    async with committed.raw_reading() as one, committed.raw_reading() as two:
        assert lost not in {await ask_pid(one), await ask_pid(two)}
