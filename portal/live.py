"""Live pages: changes in the database are sent to all open pages as server-sent events with ids only.

Each process has one LISTEN connection, open while anyone listens; each browser has a bounded queue. A browser that may
have missed events, because the stream began after the page, the listener was disconnected or the queue was full, gets
`resync` and fetches its blocks again.
"""

import asyncio
import contextlib
import logging
import random
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from quart import Blueprint, Quart, Response, current_app

from domain.access.rights import Right, may
from domain.access.sessions import is_open
from domain.kernel.actor import Actor
from domain.kernel.live import CHANNEL, EVERYTHING, Topic
from models.session import current_database
from web.guards import staff_page
from web.observed import LIVE_CLIENTS
from web.request import current_actor

log = logging.getLogger(__name__)
blueprint = Blueprint("portal_live", __name__)

QUEUE_SIZE = 100
HEARTBEAT_SECONDS = 15.0
# A stream ends with its session, and periodically, to notice expired sessions; the browser reconnects by itself.
LIFETIME_SECONDS = 900.0
CHECK_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 10.0
# These topics need a right; all others are for everyone in the portal.
TOPIC_RIGHTS = {
    Topic.IMPORTS: Right.SEE_IMPORTS,
    Topic.JOBS: Right.SEE_JOBS,
    # Ids of messages; pages with their delivery state belong to the desk and the reps.
    Topic.OUTBOX: Right.SEE_CUSTOMERS,
    Topic.SUPPRESSION: Right.LIFT_SUPPRESSION,
}
RESYNC = "event: resync\ndata: all\n\n"
LOST_DATABASE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


@dataclass(eq=False, slots=True)
class Listener:
    """One open page: its pending events, and its session."""

    session_id: int | None = None
    hidden: frozenset[str] = frozenset()
    waiting: "asyncio.Queue[str | None]" = field(default_factory=lambda: asyncio.Queue(QUEUE_SIZE))
    pending: set[str] = field(default_factory=set)

    def offer(self, event: str | None) -> None:
        """Queue an event once; a full queue becomes one `resync`. None ends the stream."""
        if event in self.pending:
            return
        if self.waiting.full() or event is None:
            while not self.waiting.empty():
                self.waiting.get_nowait()
            self.pending.clear()
            event = RESYNC if event is not None else None
        self.waiting.put_nowait(event)
        if event is not None:
            self.pending.add(event)

    async def take(self, seconds: float) -> str | None:
        """The next event, or a heartbeat after a pause; None when the stream ends."""
        try:
            event = await asyncio.wait_for(self.waiting.get(), seconds)
        except TimeoutError:
            return ": still here\n\n"
        if event is not None:
            self.pending.discard(event)
        return event


class Hub:
    """All open pages of this process, and the connection that listens for them."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.is_ending = False
        self._task: asyncio.Task[None] | None = None
        self._hears = asyncio.Event()
        self._heard: Counter[str] = Counter()
        self._times_connected = 0

    def version_of(self, topics: Iterable[str]) -> Hashable | None:
        """A version that changes with these topics; None while not listening."""
        if not self._hears.is_set():
            return None
        return self._times_connected, *(self._heard[topic] for topic in topics)

    @contextlib.asynccontextmanager
    async def listening(self, actor: Actor) -> AsyncIterator[Listener]:
        """A listener for the duration of the block; it misses no events after the block begins."""
        hidden = frozenset(topic for topic, right in TOPIC_RIGHTS.items() if not may(actor, right))
        listener = Listener(actor.session_id, hidden)
        self.listeners.add(listener)
        LIVE_CLIENTS.inc()
        try:
            if self._task is None or self._task.done():
                self._hears.clear()
                self._task = asyncio.create_task(self._listen())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hears.wait(), 2)
            yield listener
        finally:
            LIVE_CLIENTS.dec()
            self.listeners.discard(listener)
            if not self.listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    def end_streams(self) -> None:
        """End every stream, so that the server can stop; new ones end at once."""
        self.is_ending = True
        for listener in self.listeners:
            listener.offer(None)

    async def _listen(self) -> None:
        """Keep one connection listening, and make all pages fetch again after it was lost."""
        pause_seconds, was_away = 0.2, False
        while True:
            try:
                connection = await asyncio.wait_for(current_database().listening_connection(), 10)
            except LOST_DATABASE:
                was_away = True
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
                continue
            try:
                await connection.add_listener(CHANNEL, self._pass_on)
                self._times_connected += 1
                self._hears.set()
                if was_away:
                    self._broadcast(RESYNC)
                pause_seconds = 0.2
                await _wait_until_lost(connection)
            except LOST_DATABASE as error:
                log.warning("The live listener lost the database: %s", type(error).__name__)
                was_away = True
            finally:
                self._hears.clear()
                connection.terminate()

    def _pass_on(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        topic, _, record_id = str(payload).partition(":")
        if not topic.isidentifier() or not record_id.isprintable():
            return
        if topic == Topic.SESSIONS:
            self._end_streams_of(record_id)
            return
        if topic == EVERYTHING:
            self._heard.update(Topic)
            self._broadcast(RESYNC)
            return
        self._heard[topic] += 1
        event = f"event: {topic}\ndata: {record_id}\n\n"
        for listener in self.listeners:
            if topic not in listener.hidden:
                listener.offer(event)

    def _end_streams_of(self, session_id: str) -> None:
        for listener in self.listeners:
            if str(listener.session_id) == session_id:
                listener.offer(None)

    def _broadcast(self, event: str) -> None:
        for listener in self.listeners:
            listener.offer(event)


async def _wait_until_lost(connection: asyncpg.Connection) -> None:
    """Never returns; raises when the connection ends, at the latest at the next check."""
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _connection: ended.set())
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), CHECK_SECONDS)
        if ended.is_set():
            raise ConnectionResetError("the connection ended")
        await connection.execute("SELECT 1", timeout=CHECK_SECONDS / 2)


@blueprint.get("/portal/events")
@staff_page()
async def stream_events() -> Response:
    """The events for an open page, until it is closed."""
    hub: Hub = current_app.extensions["live"]
    response = Response(_stream(hub, current_actor()), content_type="text/event-stream; charset=utf-8")
    response.timeout = None
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _stream(hub: Hub, actor: Actor) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + LIFETIME_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - spreads the returns.
    async with hub.listening(actor) as listener:
        # If the session ended before this point, no one was listening.
        if not await _is_signed_in(actor):
            return
        # No one was listening between the page and its stream.
        yield f"retry: 2000\n\n{RESYNC}".encode()
        while not hub.is_ending and loop.time() < ends_at:
            event = await listener.take(HEARTBEAT_SECONDS)
            if event is None:
                return
            yield event.encode()


async def _is_signed_in(actor: Actor) -> bool:
    async with current_database().reading() as connection:
        return actor.session_id is not None and await is_open(connection, actor.session_id)


def register_live(app: Quart) -> None:
    """Give the app its hub, and end its streams as soon as the server gets the signal to stop."""
    hub = Hub()
    app.extensions["live"] = hub

    @app.before_serving
    async def end_with_the_server() -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            _call_before(number, lambda: loop.call_soon_threadsafe(hub.end_streams))


def _call_before(number: signal.Signals, act: Any) -> None:
    """Run a callback on the signal, then the previous handler: the server's own shutdown."""
    before = signal.getsignal(number)
    if not callable(before):
        return

    def handle(received: int, frame: Any) -> None:
        act()
        before(received, frame)

    signal.signal(number, handle)
