"""Notifications after a commit: sent together, repeated until the database has them, and not sent after a rollback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from domain.jobs.enqueue import enqueue
from domain.kernel.live import Topic, announce, announce_everything
from domain.messages.letter import Letter
from domain.messages.outbox import queue_mail
from models.session import Database, RawTransaction
from portal.live import RESYNC, Hub
from postgres import after_commit
from postgres.after_commit import AfterCommit
from tests.portal.test_live import ADMIN

SET = "SET LOCAL synchronous_commit = off; SELECT "


class Recorder:
    """Stands for a connection: it records messages, and fails a number of times."""

    def __init__(self, *, failures: int = 0) -> None:
        self.messages: list[str] = []
        self.failures = failures
        self.failed = asyncio.Event()

    async def execute(self, message: str) -> None:
        """Record the message, or fail as if the connection had ended."""
        if self.failures:
            self.failures -= 1
            self.failed.set()
            raise asyncpg.InterfaceError("ended")
        self.messages.append(message)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Any]:
        """Lend itself."""
        yield self


async def test_calls_that_come_together_are_one_message_each_of_them_once() -> None:
    recorder = Recorder()
    sender = AfterCommit(recorder.lend)
    sender.add(["f(1)", "g()"])
    sender.add(["f(2)", "g()"])
    await sender.finish()
    sender.add(["f(3)"])
    sender.add([])
    await sender.finish()
    assert recorder.messages == [f"{SET}f(1), g(), f(2)", f"{SET}f(3)"]


async def test_calls_wait_for_a_database_that_is_away_and_keep_their_order(monkeypatch) -> None:
    monkeypatch.setattr(after_commit, "LONGEST_PAUSE_SECONDS", 0.02)
    recorder = Recorder(failures=3)
    sender = AfterCommit(recorder.lend)
    sender.add(["f(1)"])
    await recorder.failed.wait()
    sender.add(["f(2)"])
    await sender.finish()
    assert recorder.messages == [f"{SET}f(1), f(2)"]


async def test_the_end_does_not_wait_for_a_database_that_stays_away(monkeypatch) -> None:
    monkeypatch.setattr(after_commit, "FINISH_SECONDS", 0.05)
    sender = AfterCommit(Recorder(failures=1_000_000).lend)
    sender.add(["f(1)"])
    task = sender._task
    assert task is not None
    await sender.finish()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_call_that_fails_leaves_no_transaction_open(committed: Database) -> None:
    database = Database(committed.url, pool_size=1)
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await database.after_commit._send(["no_such_function()"])
    async with database.raw_reading() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SHOW synchronous_commit") == await _ask_default(connection)
    await database.close()


async def _ask_default(connection: asyncpg.Connection) -> str:
    return str(await connection.fetchval("SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'"))


@asynccontextmanager
async def hearing_wakes(database: Database) -> AsyncIterator[list[str]]:
    """What the workers hear during the block, and `end` when all of it has been heard."""
    heard: list[str] = []
    ended = asyncio.Event()

    def hear(*arguments: Any) -> None:
        heard.append(arguments[3])
        if arguments[3] == "end":
            ended.set()

    connection = await database.listening_connection()
    try:
        await connection.add_listener("ch_pgqueuer", hear)
        yield heard
        await connection.execute("SELECT pg_notify('ch_pgqueuer', 'end')")
        await asyncio.wait_for(ended.wait(), 10)
    finally:
        await connection.close()


@pytest.mark.parametrize(("ending", "wakes"), [("commit", 1), ("rollback", 0)])
async def test_a_raw_transaction_wakes_the_workers_once_and_after_its_commit(
    committed: Database, ending: str, wakes: int
) -> None:
    async with hearing_wakes(committed) as heard:
        transaction = committed.raw_transaction()
        await queue_mail(transaction, Letter("test", "One", "Text"), to="kim@kitchen.example")
        await queue_mail(transaction, Letter("test", "Two", "Text"), to="kim@kitchen.example")
        await getattr(transaction, ending)()
        assert list(committed.after_commit._waiting) == ["wake_workers()"] * wakes
        await transaction.close()
        await committed.after_commit.finish()
    assert len(heard) == wakes + 1


async def test_a_commit_whose_answer_is_lost_is_announced(committed: Database) -> None:
    """It may have been done, and a page that fetches once more sees nothing wrong."""
    database = Database(committed.url, pool_size=1)
    transaction = database.raw_transaction()
    assert isinstance(transaction, RawTransaction)
    transaction.later("SELECT pg_terminate_backend(pg_backend_pid())")
    await announce(transaction, Topic.ORDERS, 7)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await transaction.commit()
    assert list(database.after_commit._waiting) == ["announce(E'orders', E'7')"]
    await transaction.close()
    await database.close()


async def test_a_session_wakes_the_workers_with_its_commit_as_before(committed: Database) -> None:
    """Its connection served a raw transaction before, whose setting is gone."""
    database = Database(committed.url, pool_size=1)
    async with hearing_wakes(committed) as heard:
        transaction = database.raw_transaction()
        await queue_mail(transaction, Letter("test", "One", "Text"), to="kim@kitchen.example")
        await transaction.commit()
        await transaction.close()
        await database.after_commit.finish()
        async with database.separate_transaction() as db:
            await enqueue(db, "send_message", {"message_id": 1})
    assert len(heard) == 3
    await database.close()


async def test_a_process_that_starts_makes_open_pages_fetch_again(committed: Database) -> None:
    hub = Hub()
    async with hub.listening(ADMIN) as listener:
        before = hub.version_of(["orders"])
        announce_everything(committed)
        assert await listener.take(10) == RESYNC
        assert hub.version_of(["orders"]) != before
