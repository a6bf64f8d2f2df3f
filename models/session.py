"""Access to the database: one engine per process, one transaction per request, and separate transactions.

A request's session begins its transaction lazily and is committed at the edge. Writes that must survive a refusal use
`separate_transaction()`. Reads of one statement use `reading()`, which runs on AUTOCOMMIT.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, cast

import asyncpg
import orjson
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from postgres.after_commit import AfterCommit
from postgres.pool import LendingPool, Lent

SERVER_SETTINGS = {
    "application_name": "ladle",
    "timezone": "UTC",
    "jit": "off",
    # How similar two words must be for a search to treat one as a misspelling of the other.
    "pg_trgm.word_similarity_threshold": "0.5",
}


log = logging.getLogger(__name__)
# A replica that does not answer is not used for this long. A page waits for it at most the second time.
REPLICA_PAUSE_SECONDS = 15.0
REPLICA_PATIENCE_SECONDS = 3.0
# The errors of a statement on a connection that the server is ending or has ended.
ENDED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
MOST_DEAD = 20
UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OperationalError, InterfaceError)
# Options of the database URL that only SQLAlchemy's dialect knows.
OF_THE_DRIVER = frozenset({"prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback"})
# A replica that has replayed all it received is not behind, however long ago that was. A primary is never behind.
_LAG = text("""
SELECT CASE
  WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
  ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp())
END
""")
# The key under which a session keeps its current transaction and that transaction's raw connection.
_RAW = "raw_connection"


class Database:
    """One engine and the sessions made from it. Tests pass a subclass bound to a connection that is rolled back."""

    replica_fallbacks = 0
    _pool: LendingPool | None = None

    def __init__(self, url: str, *, pool_size: int = 10, read_url: str = "") -> None:
        self.url = url
        self._replica = Database(read_url, pool_size=pool_size) if read_url and read_url != url else None
        self.engine: AsyncEngine = create_async_engine(
            url,
            poolclass=LendingPool,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=False,
            hide_parameters=True,  # Error texts go into the logs; what people typed must not.
            pool_recycle=1800,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            connect_args={"server_settings": SERVER_SETTINGS},
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)
        self._pool, self._most = cast(LendingPool, self.engine.pool), pool_size * 2
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.after_commit = AfterCommit(self.raw_reading)
        self._replica_away_until = 0.0

    def session(self) -> AsyncSession:
        """Return a session whose transaction begins with its first statement. The caller commits and closes it."""
        return AsyncSession(self.engine, expire_on_commit=False)

    def raw_transaction(self) -> "Transaction":
        """Return a transaction for the busiest writes, which need only a session's `raw_connection`."""
        return RawTransaction(self.engine, self.after_commit)

    @asynccontextmanager
    async def separate_transaction(self) -> AsyncIterator[AsyncSession]:
        """Open an independent transaction: committed at the end of the block, rolled back on an error."""
        async with self.session() as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection on AUTOCOMMIT for reads of one statement; no BEGIN or COMMIT is sent."""
        async with self._autocommit.connect() as connection:
            yield connection

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for lists with arbitrary filters: each statement is planned for its actual values.

        The connection is in a transaction, because the setting lasts until its end (see `plan_for_values`).
        """
        async with self.engine.connect() as connection, connection.begin():
            await plan_for_values(connection)
            yield connection

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[AsyncConnection]:
        """Like `reading`, for reports and exports: uses the replica if READ_DATABASE_URL is set and it answers."""
        async with AsyncExitStack() as stack:
            connection = await self._find_replica(stack)
            if connection is None:
                connection = await stack.enter_async_context(self.reading())
            yield connection

    @property
    def has_replica(self) -> bool:
        """True if READ_DATABASE_URL names another database."""
        return self._replica is not None

    async def replica_answers(self) -> bool:
        """Ask the replica whether it answers, even during the pause after a failure."""
        self._replica_away_until = 0.0
        async with AsyncExitStack() as stack:
            return await self._find_replica(stack) is not None

    async def _find_replica(self, stack: AsyncExitStack) -> AsyncConnection | None:
        """Return a connection to a replica that has just answered; None without one, or while it is unavailable."""
        if self._replica is None:
            return None
        if time.monotonic() >= self._replica_away_until:
            try:
                async with asyncio.timeout(REPLICA_PATIENCE_SECONDS):
                    connection = await stack.enter_async_context(self._replica.reading())
                    await connection.exec_driver_sql("SELECT 1")
            except UNREACHABLE as error:
                self._replica_away_until = time.monotonic() + REPLICA_PAUSE_SECONDS
                log.warning("The replica does not answer; reports read from the primary: %s", type(error).__name__)
            else:
                return connection
        self.replica_fallbacks += 1
        return None

    def raw_reading(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Return asyncpg's own connection outside any transaction, for the hottest reads of one statement.

        It comes from the engine's pool. Measured: it costs 0.01 ms more than using an open connection; `reading()`
        costs 0.06 ms. Raises ConnectionError if the connection is lost during the block.
        """
        return _RawReading(self.engine)

    async def listening_connection(self) -> asyncpg.Connection:
        """Return a raw asyncpg connection outside the pool, for LISTEN."""
        # The dialect parses the pool's URL, TLS included; options that only the dialect knows are removed for asyncpg.
        _, options = self.engine.sync_engine.dialect.create_connect_args(make_url(self.url))
        known = {name: value for name, value in options.items() if name not in OF_THE_DRIVER}
        return await asyncpg.connect(**known, server_settings={"application_name": "ladle-listener"})

    def pool_figures(self) -> dict[str, int]:
        """Return the pool's connections: lent, idle, and the maximum; empty without a pool."""
        pool = self._pool
        if pool is None:
            return {}
        return {"lent": pool.checkedout(), "idle": pool.checkedin(), "most": self._most}

    async def replica_lag(self) -> float | None:
        """Return how many seconds the replica is behind; None without one, or if it does not answer."""
        if self._replica is None:
            return None
        try:
            async with asyncio.timeout(REPLICA_PATIENCE_SECONDS), self._replica.reading() as connection:
                seconds = await connection.scalar(_LAG)
        except UNREACHABLE:
            return None
        return None if seconds is None else float(seconds)

    async def close(self) -> None:
        """Send the last notifications and close every pooled connection."""
        await self.after_commit.finish()
        await self.engine.dispose()
        if self._replica is not None:
            await self._replica.close()


def _refuse_closed(_connection: object, record: Any, _proxy: object) -> None:
    """Keep the pool from lending a connection that the server ended, or an older one, as after a restart."""
    if cast(asyncpg.Connection, record.driver_connection).is_closed():
        raise InvalidatePoolError("The server ended this connection.")


def _lend_idle(engine: AsyncEngine) -> Lent | None:
    """Take an idle connection from the pool, if there is one."""
    pool = engine.sync_engine.pool
    return pool.lend_idle() if isinstance(pool, LendingPool) else None


async def _wait_for_one(engine: AsyncEngine) -> Lent:
    """Take a connection from the pool by waiting in SQLAlchemy's greenlet."""
    proxied = await engine.raw_connection()
    return Lent(None, proxied, cast(asyncpg.Connection, proxied.driver_connection))


class _RawReading:
    """The context manager of `raw_reading`. It is a class because a generator would cost as much as the pool itself."""

    __slots__ = ("_borrowed", "_engine")

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> asyncpg.Connection:
        self._borrowed = _lend_idle(self._engine) or await _wait_for_one(self._engine)
        return self._borrowed.connection

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None:
            await self._borrowed.close()  # If it was closed in the meantime, the pool notices before it lends it again.
            return
        # asyncpg raises InternalClientError for a connection that ends at this very moment.
        is_lost = self._borrowed.connection.is_closed() or isinstance(error, asyncpg.InternalClientError)
        if is_lost:
            await self._borrowed.invalidate()
        await self._borrowed.close()
        if is_lost and isinstance(error, ENDED):
            raise ConnectionError("The connection to the database was lost.") from error


class RawTransaction:
    """A transaction on asyncpg's own connection, begun with its first use. It can be passed instead of a session.

    Measured: placing an order costs a tenth less than with a session, whose bookkeeping such a write never uses.
    Statements whose results are not needed are sent together with its ends: one with BEGIN (`begin_with`), others with
    COMMIT (`later`). Such a message takes no parameters; `domain/kernel/literals.py` writes values as SQL text. Calls
    that notify other processes are sent after COMMIT (`afterwards`).
    """

    def __init__(self, engine: AsyncEngine, after_commit: AfterCommit) -> None:
        self._engine = engine
        self._after_commit = after_commit
        self._borrowed: Lent | None = None
        self._is_open = False
        self._later: list[str] = []
        self._afterwards: list[str] = []

    @property
    def has_begun(self) -> bool:
        """True between BEGIN and the end of the transaction."""
        return self._is_open

    async def connection(self) -> asyncpg.Connection:
        """Return the connection, with the transaction begun."""
        if self._is_open and self._borrowed is not None:
            return self._borrowed.connection
        await self._begin("BEGIN")
        assert self._borrowed is not None
        return self._borrowed.connection

    async def begin_with(self, statement: str) -> str:
        """Begin the transaction and run this statement in one message. Returns its status, such as `SELECT 1`."""
        return await self._begin(f"BEGIN; {statement}")

    def later(self, statement: str) -> None:
        """Send this statement in one message with COMMIT, after those passed before."""
        self._later.append(statement)

    def afterwards(self, call: str) -> None:
        """Call one of the schema's functions that notify, given as SQL text, soon after COMMIT."""
        self._afterwards.append(call)

    async def commit(self) -> None:
        """Commit the transaction."""
        later, self._later = self._later, []
        afterwards, self._afterwards = self._afterwards, []
        if later:
            await self.connection()
        try:
            await self._end("; ".join([*later, "COMMIT"]))
        except ENDED:
            if self._borrowed is not None and self._borrowed.connection.is_closed():
                # The commit may have been done before the connection ended. A needless notification does no harm.
                self._after_commit.add(afterwards)
            raise
        self._after_commit.add(afterwards)

    async def rollback(self) -> None:
        """Roll back the transaction. If the connection is closed, the transaction has already ended."""
        self._later, self._afterwards = [], []
        if self._borrowed is not None and self._borrowed.connection.is_closed():
            return
        await self._end("ROLLBACK")

    async def close(self) -> None:
        """Return the connection to the pool. One that is lost, or whose transaction has not ended, is discarded."""
        borrowed, self._borrowed = self._borrowed, None
        if borrowed is None:
            return
        if self._is_open or borrowed.connection.is_closed():
            self._is_open = False
            await borrowed.invalidate()
        await borrowed.close()

    async def _begin(self, message: str) -> str:
        for left in range(MOST_DEAD, -1, -1):
            self._borrowed = _lend_idle(self._engine) or await _wait_for_one(self._engine)
            connection = self._borrowed.connection
            self._is_open = True  # The state is unknown from here until the message is answered.
            try:
                return str(await connection.execute(message))
            except ENDED as error:
                if not (left and (connection.is_closed() or isinstance(error, asyncpg.InternalClientError))):
                    raise
                # The server ended the connection just now. Nothing has been done yet, so another connection can do all
                # of it.
                self._is_open = False
                borrowed, self._borrowed = self._borrowed, None
                await borrowed.invalidate()
                await borrowed.close()
        raise AssertionError  # the last try returns or raises

    async def _end(self, how: str) -> None:
        if self._is_open and self._borrowed is not None:
            await self._borrowed.connection.execute(how)
            self._is_open = False


# What acts accept as their transaction.
Transaction = AsyncSession | RawTransaction


class _Current:
    database: Database | None = None


def use_database(database: Database) -> None:
    """Set the database that this process uses."""
    _Current.database = database


def current_database() -> Database:
    """Return the database of this process. Raises RuntimeError before `use_database` was called."""
    if _Current.database is None:
        raise RuntimeError("use_database() has not been called")
    return _Current.database


@asynccontextmanager
async def separate_transaction() -> AsyncIterator[AsyncSession]:
    """Open a transaction independent of the request, for writes that must survive its refusal.

    Examples are a failed sign-in, the receipt of a webhook, and the call log.
    """
    async with current_database().separate_transaction() as session:
        yield session


async def raw_connection(db: Transaction) -> asyncpg.Connection:
    """Return asyncpg's own connection inside the session's transaction, for hot statements.

    SQLAlchemy begins a transaction only with its own first statement, so it is begun here before the connection is
    returned; its adapter has no public method for that.
    """
    if isinstance(db, RawTransaction):
        return await db.connection()
    known = db.info.get(_RAW)
    if known is not None and known[0] is db.sync_session.get_transaction():
        return cast(asyncpg.Connection, known[1])
    connection = await db.connection()
    adapted = await connection.get_raw_connection()
    dbapi = cast(Any, adapted.dbapi_connection)
    if dbapi._transaction is None:  # noqa: SLF001 - see the docstring
        await dbapi._start_transaction()  # noqa: SLF001 - see the docstring
    db.info[_RAW] = (db.sync_session.get_transaction(), adapted.driver_connection)
    return cast(asyncpg.Connection, adapted.driver_connection)


async def raw_connection_of(connection: AsyncConnection) -> asyncpg.Connection:
    """Return asyncpg's own connection of one from `reading` or `reporting`, where no transaction has to be begun."""
    return cast(asyncpg.Connection, (await connection.get_raw_connection()).driver_connection)


async def plan_for_values(db: AsyncSession | AsyncConnection) -> None:
    """Make the rest of this transaction's statements be planned for their actual values.

    For lists with arbitrary filters. From the sixth use on, a prepared statement may get a generic plan. With a million
    orders, that made a filter by date take seventeen seconds instead of one.
    """
    await db.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
