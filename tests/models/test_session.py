"""Connections handed out raw: they come back to the pool, and a lost one is never handed out again."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from models.session import Database, RawTransaction, raw_connection
from postgres.pool import LendingPool


@pytest.fixture
async def alone(committed: Database) -> AsyncIterator[Database]:
    """A pool of its own with room for one connection, so that the one that was given back is the next one."""
    database = Database(committed.url, pool_size=1)
    yield database
    await database.close()


async def ask_pid(connection: asyncpg.Connection) -> int:
    """The server process behind a connection."""
    return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def end(connection: asyncpg.Connection, pid: int) -> None:
    """Have the server end another connection, and wait until it has."""
    assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)


async def test_a_raw_connection_goes_back_to_the_pool_and_holds_no_transaction(alone: Database) -> None:
    async with alone.raw_reading() as connection:
        first = await ask_pid(connection)
        assert not connection.is_in_transaction()
    async with alone.raw_reading() as connection:
        assert await ask_pid(connection) == first


async def test_a_mistaken_statement_leaves_the_connection_usable(alone: Database) -> None:
    async def ask_nonsense() -> None:
        async with alone.raw_reading() as connection:
            pids.append(await ask_pid(connection))
            await connection.fetch("SELECT * FROM nowhere")

    pids: list[int] = []
    with pytest.raises(asyncpg.UndefinedTableError):
        await ask_nonsense()
    async with alone.raw_reading() as connection:
        assert await ask_pid(connection) == pids[0]


async def test_a_connection_lost_while_in_use_is_said_and_replaced(alone: Database) -> None:
    async def lose() -> None:
        async with alone.raw_reading() as connection, alone.raw_reading() as other:
            pids.append(await ask_pid(connection))
            await end(other, pids[0])
            await connection.fetch("SELECT 1")

    pids: list[int] = []
    with pytest.raises(ConnectionError):
        await lose()
    async with alone.raw_reading() as one, alone.raw_reading() as two:
        assert pids[0] not in {await ask_pid(one), await ask_pid(two)}


async def test_a_connection_lost_while_idle_is_replaced_unseen(alone: Database) -> None:
    async with alone.raw_reading() as idle:
        lost = await ask_pid(idle)
    async with alone.raw_reading() as one, alone.raw_reading() as two:
        idle, other = (one, two) if await ask_pid(one) == lost else (two, one)
        await end(other, lost)
        # The news of the end arrives with the next statement at the latest.
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
            await idle.fetchval("SELECT 1")
    async with alone.raw_reading() as one, alone.raw_reading() as two:
        assert lost not in {await ask_pid(one), await ask_pid(two)}


async def test_a_raw_transaction_keeps_what_is_committed_and_nothing_else(alone: Database) -> None:
    for name, keeps in (("Kept", True), ("Dropped", False)):
        transaction = alone.raw_transaction()
        connection = await raw_connection(transaction)
        await connection.execute("INSERT INTO category (name) VALUES ($1)", name)
        assert connection.is_in_transaction()
        await (transaction.commit() if keeps else transaction.rollback())
        await transaction.close()
    async with alone.raw_reading() as connection:
        assert [row["name"] for row in await connection.fetch("SELECT name FROM category")] == ["Kept"]


async def test_a_raw_transaction_that_was_never_ended_takes_its_connection_with_it(alone: Database) -> None:
    transaction = alone.raw_transaction()
    assert isinstance(transaction, RawTransaction)
    connection = await raw_connection(transaction)
    pid = await ask_pid(connection)
    await connection.execute("INSERT INTO category (name) VALUES ('Half')")
    await transaction.close()
    async with alone.raw_reading() as other:
        assert await ask_pid(other) != pid
        assert await other.fetchval("SELECT count(*) FROM category") == 0


async def test_reports_read_from_the_replica_where_one_is_named(
    committed: Database, database_urls: dict[str, str]
) -> None:
    name = text("SELECT current_database()")
    split = Database(committed.url, pool_size=1, read_url=database_urls["rolled_back"])
    async with split.reporting() as reports, split.reading() as lists:
        assert await reports.scalar(name) == make_url(database_urls["rolled_back"]).database
        assert await lists.scalar(name) == make_url(committed.url).database
    await split.close()
    async with committed.reporting() as reports:
        assert await reports.scalar(name) == make_url(committed.url).database


async def test_a_transaction_begins_on_a_connection_that_lives(alone: Database, committed: Database) -> None:
    async def ask(database: Database) -> int:
        transaction = database.raw_transaction()
        pid = await ask_pid(await raw_connection(transaction))
        await transaction.rollback()
        await transaction.close()
        return pid

    lost = await ask(alone)
    async with committed.raw_reading() as other:
        await end(other, lost)
    assert await ask(alone) != lost
    async with alone.session() as session:
        pid = await ask_pid(await raw_connection(session))
    async with committed.raw_reading() as other:
        await end(other, pid)
    async with alone.session() as session:
        assert await ask_pid(await raw_connection(session)) != pid


async def test_reports_read_from_the_primary_while_the_replica_is_away(committed: Database) -> None:
    split = Database(committed.url, pool_size=1, read_url="postgresql+asyncpg://nobody@127.0.0.1:1/none")
    for _ in range(2):
        async with split.reporting() as reports:
            assert await reports.scalar(text("SELECT current_database()")) == make_url(committed.url).database
    assert (split.replica_fallbacks, await split.replica_answers()) == (2, False)
    await split.close()


async def test_the_listener_uses_the_tls_and_the_port_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    async def connect(**options: object) -> None:
        given.update(options)

    monkeypatch.setattr("models.session.asyncpg.connect", connect)
    words = "ssl=require&prepared_statement_cache_size=0"
    database = Database(f"postgresql+asyncpg://clerk:secret@db.example:6432/ladle?{words}")
    await database.listening_connection()
    assert given.pop("server_settings") == {"application_name": "ladle-listener"}
    assert given == {
        "host": "db.example", "port": 6432, "user": "clerk", "password": "secret", "database": "ladle",
        "ssl": "require",
    }  # fmt: skip


async def test_the_pool_says_what_it_lends(alone: Database) -> None:
    assert alone.pool_figures() == {"lent": 0, "idle": 0, "most": 2}
    async with alone.raw_reading():
        assert alone.pool_figures()["lent"] == 1
    assert alone.pool_figures() == {"lent": 0, "idle": 1, "most": 2}


async def test_a_primary_is_never_behind(committed: Database) -> None:
    assert await committed.replica_lag() is None
    beside = Database(committed.url, pool_size=1, read_url=f"{committed.url}&prepared_statement_cache_size=100")
    assert await beside.replica_lag() == 0.0
    await beside.close()


async def test_the_pool_lends_the_connection_that_was_returned_last(committed: Database) -> None:
    pair = Database(committed.url, pool_size=2)
    async with pair.raw_reading() as outer:
        pid = await ask_pid(outer)
        async with pair.raw_reading() as inner:
            assert await ask_pid(inner) != pid
    for _ in range(3):
        async with pair.raw_reading() as again:
            assert await ask_pid(again) == pid
        async with pair.reading() as again:
            assert await again.scalar(text("SELECT pg_backend_pid()")) == pid
    await pair.close()


async def test_an_idle_connection_that_has_become_too_old_is_made_again(alone: Database) -> None:
    async with alone.raw_reading() as connection:
        old = await ask_pid(connection)
    alone.engine.pool._recycle = 0
    async with alone.raw_reading() as one, alone.raw_reading() as two:
        assert old not in {await ask_pid(one), await ask_pid(two)}


async def test_connections_beyond_the_pools_size_are_closed_when_they_come_back(committed: Database) -> None:
    narrow = Database(committed.url, pool_size=1)
    async with narrow.raw_reading() as one, narrow.raw_reading() as two:
        pids = {await ask_pid(one), await ask_pid(two)}
        assert narrow.pool_figures() == {"lent": 2, "idle": 0, "most": 2}
    assert narrow.pool_figures() == {"lent": 0, "idle": 1, "most": 2}
    async with narrow.raw_reading() as one:
        assert await ask_pid(one) in pids
        async with narrow.reading() as two:
            assert await two.scalar(text("SELECT pg_backend_pid()")) not in pids
    assert narrow.pool_figures() == {"lent": 0, "idle": 1, "most": 2}
    await narrow.close()


async def test_statements_travel_with_the_ends_of_a_raw_transaction(alone: Database) -> None:
    transaction = alone.raw_transaction()
    assert isinstance(transaction, RawTransaction)
    assert await transaction.begin_with("SELECT FROM generate_series(1, 3)") == "SELECT 3"
    assert (await raw_connection(transaction)).is_in_transaction()
    transaction.later("INSERT INTO category (name) VALUES ('One')")
    transaction.later("INSERT INTO category (name) VALUES ('Two')")
    await transaction.commit()
    await transaction.close()
    undone = alone.raw_transaction()
    assert isinstance(undone, RawTransaction)
    undone.later("INSERT INTO category (name) VALUES ('Three')")
    await undone.rollback()
    await undone.commit()
    async with alone.raw_reading() as connection:
        names = await connection.fetch("SELECT name FROM category ORDER BY name")
    assert [row["name"] for row in names] == ["One", "Two"]


@pytest.mark.parametrize("ends", [False, True])
async def test_a_message_that_fails_half_way_leaves_nothing(alone: Database, ends: bool) -> None:
    transaction = alone.raw_transaction()
    assert isinstance(transaction, RawTransaction)
    if ends:
        await (await raw_connection(transaction)).execute("INSERT INTO category (name) VALUES ('First')")
        transaction.later("INSERT INTO category (name) VALUES ('Half')")
        transaction.later("SELECT 1 / 0")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await transaction.commit()
    else:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await transaction.begin_with("INSERT INTO category (name) VALUES ('Half'); SELECT 1 / 0")
    await transaction.rollback()
    await transaction.close()
    async with alone.raw_reading() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT count(*) FROM category") == 0


@pytest.mark.parametrize("ends", [False, True])
async def test_a_message_that_is_given_up_takes_its_connection_with_it(
    alone: Database, committed: Database, ends: bool
) -> None:
    transaction = alone.raw_transaction()
    assert isinstance(transaction, RawTransaction)
    async with committed.raw_reading() as rival, rival.transaction():
        await rival.execute("SELECT pg_advisory_xact_lock(71)")
        waits = "SELECT pg_advisory_xact_lock(71)"
        if ends:
            await (await raw_connection(transaction)).execute("INSERT INTO category (name) VALUES ('Half')")
            transaction.later(waits)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await (transaction.commit() if ends else transaction.begin_with(waits))
        await transaction.close()
        async with alone.raw_reading() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval("SELECT count(*) FROM category") == 0


async def test_a_transaction_begins_with_a_statement_on_a_connection_that_lives(
    alone: Database, committed: Database
) -> None:
    async with alone.raw_reading() as connection:
        lost = await ask_pid(connection)
    async with committed.raw_reading() as other:
        await end(other, lost)
    transaction = alone.raw_transaction()
    assert isinstance(transaction, RawTransaction)
    assert await transaction.begin_with("SELECT 1") == "SELECT 1"
    assert await ask_pid(await raw_connection(transaction)) != lost
    await transaction.rollback()
    await transaction.close()


async def test_a_returned_connection_goes_to_the_caller_who_waits_for_one(alone: Database) -> None:
    async def wait_for_one() -> int:
        async with alone.reading() as waiting:
            return int(await waiting.scalar(text("SELECT pg_backend_pid()")))

    async with alone.raw_reading() as one:
        pid = await ask_pid(one)
        async with alone.raw_reading():
            waiter = asyncio.create_task(wait_for_one())
            await asyncio.sleep(0)  # until it waits: the pool lends no third connection
            assert not waiter.done()
            pool = alone.engine.pool
            assert isinstance(pool, LendingPool)
            assert pool._pool._queue._getters
        assert await waiter != pid
    assert alone.pool_figures() == {"lent": 0, "idle": 1, "most": 2}
