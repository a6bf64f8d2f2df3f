"""The pool of connections: SQLAlchemy's own, which also lends an idle one without waiting for it in a greenlet.

A lent connection is asyncpg's own; SQLAlchemy begins no transaction on it, so that nothing has to be undone either.
"""

import time
from typing import cast

import asyncpg
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn


class LendingPool(AsyncAdaptedQueuePool):
    """A pool whose idle connections are there at once."""

    def take_idle(self) -> ConnectionPoolEntry | None:
        """A connection that can be lent as it is; None where one has to be made, replaced or waited for."""
        if not self.checkedin():
            return None
        entry = self._do_get()
        if self._is_good(entry):
            return entry
        self._do_return_conn(entry)
        return None

    def has_room(self) -> bool:
        """True when a connection that comes back is kept; else it is closed, which takes its time."""
        return self.checkedin() < self.size()

    def give_back(self, entry: ConnectionPoolEntry) -> None:
        """Take an idle connection back."""
        self._do_return_conn(entry)

    def _is_good(self, entry: ConnectionPoolEntry) -> bool:
        """True unless SQLAlchemy would make the connection again: too old, ended, or older than one that was lost."""
        if entry.dbapi_connection is None or cast(asyncpg.Connection, entry.driver_connection).is_closed():
            return False
        made_at: float = entry.starttime  # type: ignore[attr-defined]
        return made_at >= self._invalidate_time and time.time() - made_at <= self._recycle


class Lent:
    """A connection of the pool, which `close` gives back; a lost one is invalidated before."""

    __slots__ = ("_entry", "_pool", "connection")

    def __init__(self, pool: LendingPool | None, entry: ConnectionPoolEntry | PoolProxiedConnection) -> None:
        self._pool, self._entry = pool, entry
        self.connection = cast(asyncpg.Connection, entry.driver_connection)

    async def invalidate(self) -> None:
        """Throw the connection away; another one takes its place in the pool."""
        await greenlet_spawn(self._entry.invalidate)

    async def close(self) -> None:
        """Give it back."""
        if self._pool is None:
            await greenlet_spawn(self._entry.close)
        elif self._pool.has_room():
            self._pool.give_back(cast(ConnectionPoolEntry, self._entry))
        else:
            await greenlet_spawn(self._pool.give_back, cast(ConnectionPoolEntry, self._entry))
