"""The base of the tests: a real PostgreSQL with the real migrations.

`db` and `client` see one transaction that is rolled back after the test. `committed` is a second database, for sign-in,
webhooks, jobs, NOTIFY, races and the browser; it is emptied after each test.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app import build_app
from domain.access.crypto import use_data_keys
from integrations.stripe_client import close_stripe
from models import Table
from models.migrations import upgrade
from models.session import Database, plan_for_values, use_database
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from proofs.ground import passing_database
from settings import Settings
from tests.clusters import name_schema
from tests.fakes.easypost_server import FakeEasyPost, with_easypost
from tests.fakes.stripe_server import FakeStripe, with_stripe
from tests.witness import WitnessPlugin

ROOT = Path(__file__).parent.parent
TEST_DATA = ROOT / "var" / "tests"
SECRET = "a secret of the tests that is long enough"
use_data_keys([SECRET])


def pytest_configure(config: pytest.Config) -> None:
    """Let the witness see every answer of the run."""
    config.pluginmanager.register(WitnessPlugin(), "witness")


class RolledBackDatabase(Database):
    """One connection with one outer transaction; every session and separate transaction is a savepoint in it."""

    def __init__(self, connection: AsyncConnection, url: str) -> None:
        self.url = url
        self.connection = connection
        self._replica = None

    def session(self) -> AsyncSession:
        return AsyncSession(self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False)

    def raw_transaction(self) -> AsyncSession:
        return self.session()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self.connection.begin_nested():
            yield self.connection

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[AsyncConnection]:
        async with self.reading() as connection:
            await plan_for_values(connection)
            yield connection

    @asynccontextmanager
    async def raw_reading(self) -> AsyncIterator[asyncpg.Connection]:
        async with self.connection.begin_nested():
            yield (await self.connection.get_raw_connection()).driver_connection

    async def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL for the tests, without fsync; several test runs may share it."""
    server = EmbeddedPostgres(TEST_DATA, durable=False)
    server.attach_or_start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_urls(postgres: EmbeddedPostgres) -> Iterator[dict[str, str]]:
    """Two migrated databases of this run: `rolled_back` and `committed`."""
    names = {kind: f"test_{os.getpid()}_{kind}" for kind in ("rolled_back", "committed")}
    template = migrated_template(postgres)
    for name in names.values():
        asyncio.run(_execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    urls = {kind: postgres.database_url(name) for kind, name in names.items()}
    yield urls
    for name in names.values():
        asyncio.run(_execute(postgres, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def migrated_template(postgres: EmbeddedPostgres) -> str:
    """The name of an empty database with the newest schema; it is kept until a migration changes."""
    template = f"migrated_{name_schema()}"
    with (TEST_DATA / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Workers of one run start at the same time.
        found = {row["datname"] for row in asyncio.run(_execute(postgres, _MIGRATED))}
        if template not in found:
            for name in found:
                asyncio.run(_execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)'))
            asyncio.run(_execute(postgres, 'CREATE DATABASE "migrated_making"'))
            upgrade(postgres.database_url("migrated_making"))
            asyncio.run(_execute(postgres, f'ALTER DATABASE "migrated_making" RENAME TO "{template}"'))
    return template


@asynccontextmanager
async def migrated_database(postgres: EmbeddedPostgres, name: str) -> AsyncIterator[str]:
    """The URL of a database with this name and the newest schema, dropped afterwards."""
    template = await asyncio.to_thread(migrated_template, postgres)
    async with passing_database(postgres, name, template=template) as url:
        yield url


_MIGRATED = "SELECT datname FROM pg_database WHERE datname LIKE 'migrated%'"


async def _execute(postgres: EmbeddedPostgres, statement: str) -> list[asyncpg.Record]:
    connection = await connect(postgres.database_url("postgres"))
    rows: list[asyncpg.Record] = await connection.fetch(statement)
    await connection.close()
    return rows


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings of the tests: nothing from the environment, no outside services."""
    return Settings(_env_file=None, secret_key=SECRET, data_keys=[SECRET], data_dir=TEST_DATA, rate_limits="off")


@pytest.fixture(scope="session")
async def _engine_database(database_urls: dict[str, str]) -> AsyncIterator[Database]:
    database = Database(database_urls["rolled_back"])
    yield database
    await database.close()


@pytest.fixture
async def database(_engine_database: Database) -> AsyncIterator[Database]:
    """The database of this test; all writes are rolled back."""
    async with _engine_database.engine.connect() as connection:
        outer = await connection.begin()
        bound = RolledBackDatabase(connection, _engine_database.url)
        use_database(bound)
        yield bound
        await outer.rollback()


@pytest.fixture
async def db(database: Database) -> AsyncIterator[AsyncSession]:
    """A session in the rolled-back transaction."""
    async with database.session() as session:
        yield session


@pytest.fixture(scope="session")
async def _committed_database(database_urls: dict[str, str]) -> AsyncIterator[Database]:
    database = Database(database_urls["committed"])
    yield database
    await database.close()


@pytest.fixture
async def committed(_committed_database: Database) -> AsyncIterator[Database]:
    """A database that really commits; every table is emptied after the test."""
    use_database(_committed_database)
    yield _committed_database
    async with _committed_database.engine.begin() as connection:
        await empty(connection)


async def empty(connection: AsyncConnection) -> None:
    """Delete all rows and restart all sequences.

    A test fills a few tables of more than a hundred, and TRUNCATE makes new files for every table and index. So only
    tables with rows are emptied, by DELETE unless a table is large.
    """
    state = (await connection.exec_driver_sql(_FILLED_AND_COUNTED)).one()
    if state.has_grown:
        await connection.exec_driver_sql(f"TRUNCATE {', '.join(_TABLES)} RESTART IDENTITY CASCADE")
        return
    await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # No triggers, no foreign keys.
    for table in state.filled:
        await connection.exec_driver_sql(f"DELETE FROM {table}")
    for sequence in state.counted:
        await connection.exec_driver_sql(f"ALTER SEQUENCE {sequence} RESTART")


_TABLES = (
    *(f'"{name}"' for name in Table.metadata.tables),
    *("pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics"),
)
_FILLED_AND_COUNTED = f"""
SELECT
    ARRAY({" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in _TABLES)}) AS filled,
    ARRAY(
        SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
    ) AS counted,
    {" OR ".join(f"pg_relation_size('{name}') > 1000000" for name in _TABLES)} AS has_grown
"""


@pytest.fixture(scope="session")
def app(settings: Settings) -> Quart:
    """The served app, in testing mode."""
    app = build_app(settings)
    app.testing = True
    return app


@pytest.fixture
def client(app: Quart, database: Database) -> TestClientProtocol:
    """A browser without a sign-in, on the rolled-back database."""
    return app.test_client()


@pytest.fixture
def committed_client(app: Quart, committed: Database) -> TestClientProtocol:
    """A browser without a sign-in, on the database that commits."""
    return app.test_client()


@pytest.fixture
async def stripe(app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeStripe]:
    """A Stripe on loopback, used by the app during this test."""
    fake = FakeStripe()
    await fake.start()
    monkeypatch.setitem(app.config, "SETTINGS", with_stripe(settings, fake))
    yield fake
    await close_stripe()
    await fake.stop()


@pytest.fixture
def stripe_settings(app: Quart, stripe: FakeStripe) -> Settings:
    """The settings that name the loopback Stripe."""
    found: Settings = app.config["SETTINGS"]
    return found


@pytest.fixture
async def easypost(app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeEasyPost]:
    """An EasyPost on loopback, used by the app during this test."""
    fake = FakeEasyPost()
    await fake.start()
    monkeypatch.setitem(app.config, "SETTINGS", with_easypost(settings, fake))
    yield fake
    await fake.stop()


@pytest.fixture
def easypost_settings(app: Quart, easypost: FakeEasyPost) -> Settings:
    """The settings that name the loopback EasyPost."""
    found: Settings = app.config["SETTINGS"]
    return found


@pytest.fixture
def later() -> timedelta:
    """Far enough in the future that the reconciler finds everything due."""
    return timedelta(days=1)
