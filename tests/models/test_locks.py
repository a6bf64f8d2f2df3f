"""Migrations that change several tables take all their locks or none."""

import asyncio
import threading

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from models.migrations import locks
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from tests.models.test_migrations import empty_database


async def lock_in_a_step(url: str) -> None:
    """Do what a step does that changes both tables, and let go again."""

    def take(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            locks.lock_tables("first", "second")

    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(take)
    await engine.dispose()


async def test_an_act_that_holds_the_second_table_gets_the_first(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_refused, may_go_on = threading.Event(), threading.Event()

    def pause(_: float) -> None:
        was_refused.set()
        assert may_go_on.wait(20)

    monkeypatch.setattr("models.migrations.locks.time.sleep", pause)
    async with empty_database(postgres) as url:
        act = await connect(url)
        await act.execute("CREATE TABLE first (); CREATE TABLE second ()")
        async with act.transaction():
            await act.execute("LOCK TABLE second IN ROW EXCLUSIVE MODE")
            step = asyncio.create_task(asyncio.to_thread(asyncio.run, lock_in_a_step(url)))
            assert await asyncio.to_thread(was_refused.wait, 20)
            # Everything was let go again: the act is not kept waiting, nor is it the one that a deadlock ends.
            await act.execute("SET lock_timeout = '1ms'")
            await act.execute("LOCK TABLE first IN ROW EXCLUSIVE MODE")
        may_go_on.set()
        await step
        await act.close()
