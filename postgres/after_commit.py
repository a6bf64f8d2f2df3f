"""Runs calls that notify other processes, soon after the transactions they belong to have committed.

PostgreSQL lets one notifying transaction of a database commit at a time, and each waits until it is on disk. So the
busiest writes notify here: the calls of many transactions are sent in one message, which waits for no disk.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager

import asyncpg

log = logging.getLogger(__name__)
# For this long calls are gathered. People do not notice it.
GATHER_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 10.0
FINISH_SECONDS = 2.0
LOST_DATABASE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class AfterCommit:
    """The calls that wait to be sent. Each is repeated until the database has executed it; it may arrive twice."""

    def __init__(self, lend: Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]) -> None:
        self._lend = lend
        # A dict keeps the order, and holds each call once.
        self._waiting: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, calls: Iterable[str]) -> None:
        """Send these calls of the schema's functions, as SQL text. Needs a running event loop."""
        self._waiting.update(dict.fromkeys(calls))
        if self._task is None and self._waiting:
            self._task = asyncio.create_task(self._send_all())

    async def finish(self) -> None:
        """Wait until all calls are sent, for two seconds at most; then they are dropped."""
        if (task := self._task) is not None and not (await asyncio.wait({task}, timeout=FINISH_SECONDS))[0]:
            task.cancel()

    async def _send_all(self) -> None:
        pause = GATHER_SECONDS
        try:
            while self._waiting:
                await asyncio.sleep(pause)
                calls, self._waiting = self._waiting, {}
                try:
                    await self._send(calls)
                    pause = GATHER_SECONDS
                except LOST_DATABASE as error:
                    self._waiting = calls | self._waiting
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                    log.warning("%d notifications wait for the database: %s", len(self._waiting), type(error).__name__)
        finally:
            self._task = None

    async def _send(self, calls: Iterable[str]) -> None:
        # One transaction, which an error ends as well.
        async with self._lend() as connection:
            await connection.execute(f"SET LOCAL synchronous_commit = off; SELECT {', '.join(calls)}")
