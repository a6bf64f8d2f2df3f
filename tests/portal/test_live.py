"""Changes reach every open page by themselves; after a lost connection the page is fetched again."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from domain.access.sessions import find_staff_session, open_session
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.live import Topic, announce
from domain.staff.sign_in import sign_out
from domain.staff.users import UpdateStaff, delete_staff, update_staff
from models import Role, SessionKind, Staff
from portal.live import QUEUE_SIZE, RESYNC, Hub, Listener, _call_before, _stream
from tests.factories import as_actor, make_staff
from web.guards import staff_auth

ROOT = Path(__file__).parent.parent.parent
ADMIN = Actor(ActorKind.STAFF, 1, "Kim", Role.ADMIN)
PACKER = Actor(ActorKind.STAFF, 2, "Lou", Role.WAREHOUSE)
REP = Actor(ActorKind.STAFF, 2, "Lou", Role.SALES_REP)


async def announce_change(database, topic: str, record_id: int) -> None:
    async with database.separate_transaction() as db:
        await announce(db, Topic(topic), record_id)


async def test_a_change_is_heard_after_its_commit(committed) -> None:
    hub = Hub()
    async with hub.listening(ADMIN) as listener:
        await announce_change(committed, "orders", 12)
        assert await asyncio.wait_for(listener.waiting.get(), 10) == "event: orders\ndata: 12\n\n"


async def test_a_change_of_a_raw_transaction_is_heard_after_its_commit(committed) -> None:
    hub = Hub()
    async with hub.listening(ADMIN) as listener:
        for number, ending in ((3, "rollback"), (4, "commit")):
            transaction = committed.raw_transaction()
            await announce(transaction, Topic.PRODUCTS, number)
            await getattr(transaction, ending)()
            await transaction.close()
        assert await listener.take(10) == "event: products\ndata: 4\n\n"


async def test_a_change_that_is_rolled_back_is_never_heard(committed) -> None:
    hub = Hub()
    async with hub.listening(ADMIN) as listener:
        async with committed.session() as db:
            await announce(db, Topic.ORDERS, 1)
            await db.rollback()
        await announce_change(committed, "orders", 2)
        assert await listener.take(10) == "event: orders\ndata: 2\n\n"


async def test_jobs_are_heard_by_administrators_and_messages_by_who_sees_customers(committed) -> None:
    hub = Hub()
    async with hub.listening(PACKER) as packer, hub.listening(REP) as rep, hub.listening(ADMIN) as admin:
        await announce_change(committed, "jobs", 3)
        await announce_change(committed, "outbox", 1)
        await announce_change(committed, "orders", 2)
        assert await packer.take(10) == "event: orders\ndata: 2\n\n"
        assert await rep.take(10) == "event: outbox\ndata: 1\n\n"
        assert await admin.take(10) == "event: jobs\ndata: 3\n\n"


async def test_a_page_that_reads_too_slowly_fetches_everything_again() -> None:
    listener = Listener()
    for number in range(QUEUE_SIZE + 1):
        listener.offer(f"event: orders\ndata: {number}\n\n")
    assert await listener.take(10) == RESYNC
    assert listener.waiting.empty()


async def test_the_same_change_waits_only_once() -> None:
    listener = Listener()
    for _ in range(5):
        listener.offer("event: orders\ndata: 1\n\n")
    assert listener.waiting.qsize() == 1


async def test_a_quiet_stream_gets_a_heartbeat() -> None:
    assert (await Listener().take(0.01) or "").startswith(":")


async def test_after_the_listener_was_away_every_page_fetches_again(committed) -> None:
    hub = Hub()
    async with hub.listening(ADMIN) as listener:
        async with committed.reading() as connection:
            await connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'ladle-listener' AND datname = current_database()"
            )
        assert await asyncio.wait_for(listener.waiting.get(), 10) == RESYNC
        await announce_change(committed, "orders", 3)
        assert await listener.take(10) == "event: orders\ndata: 3\n\n"


async def test_the_connection_goes_with_the_last_page(committed) -> None:
    hub = Hub()
    async with hub.listening(ADMIN):
        task = hub._task
    assert task is not None
    assert hub._task is not task
    await asyncio.wait({task}, timeout=5)
    assert task.done()


async def test_streams_end_when_the_server_stops(committed) -> None:
    hub = Hub()
    async with hub.listening(ADMIN) as listener:
        hub.end_streams()
        assert await listener.take(10) is None


async def end_what(db, how: str, admin: Staff, rep: Staff, session_id: int) -> None:
    by = as_actor(admin)
    if how == "signed out":
        await sign_out(db, by=as_actor(rep, session_id), claims=None)
    elif how == "deleted":
        await delete_staff(db, rep.id, by=by)
    else:
        changes = {
            "demoted": {"role": Role.WAREHOUSE},
            "inactive": {"is_active": False},
            "password": {"password": "quite another 9"},
        }
        await update_staff(db, rep.id, UpdateStaff.model_validate(changes[how]), by=by)
    await db.commit()


@pytest.mark.parametrize("how", ["signed out", "deleted", "demoted", "inactive", "password"])
async def test_a_stream_ends_with_its_session_and_no_other_does(committed, how) -> None:
    hub = Hub()
    async with committed.session() as db:
        admin, rep = await make_staff(db, Role.ADMIN), await make_staff(db, Role.SALES_REP)
        tokens = [await open_session(db, SessionKind.STAFF, person.id) for person in (rep, admin)]
        await db.commit()
        async with committed.raw_reading() as connection:
            ended, kept = [await find_staff_session(connection, token) for token in tokens]
        assert ended is not None
        assert kept is not None
        async with hub.listening(ended) as listener, hub.listening(kept) as other:
            await end_what(db, how, admin, rep, ended.session_id or 0)
            await announce_change(committed, "orders", 12)
            assert await listener.take(10) is None
            assert await other.take(10) == "event: orders\ndata: 12\n\n"
    assert [part async for part in _stream(hub, ended)] == []


def test_the_servers_own_way_of_stopping_still_runs() -> None:
    heard: list[str] = []
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: heard.append("server"))
    try:
        _call_before(signal.SIGUSR1, lambda: heard.append("streams"))
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == ["streams", "server"]


async def test_events_are_for_signed_in_staff(committed_client) -> None:
    answer = await committed_client.get("/portal/events")
    assert answer.status_code == 303


@pytest.fixture
def server(committed, tmp_path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real server process on the committing database."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": committed.url,
        "SECRET_KEY": "a secret of the tests that is long enough",
        "DATA_KEYS": "a secret of the tests that is long enough",
        "DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "run.py", "serve", "--no-worker", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while not _answers(url):
        assert process.poll() is None, "The server ended."
        assert time.monotonic() < deadline, "The server does not answer."
        time.sleep(0.05)
    yield url, process
    process.kill()
    process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


@asynccontextmanager
async def stream(url: str, cookie: str):
    async with (
        httpx2.AsyncClient(timeout=30) as http,
        http.stream("GET", f"{url}/portal/events", headers={"Cookie": cookie}) as answer,
    ):
        yield answer, answer.aiter_lines()


async def test_a_real_browser_hears_of_a_change_and_does_not_hold_up_the_servers_stop(app, committed, server) -> None:
    url, process = server
    async with committed.session() as db:
        admin = await make_staff(db, Role.ADMIN)
        token = await open_session(db, SessionKind.STAFF, admin.id)
        await db.commit()
    cookie = f"{staff_auth.cookie_name}={staff_auth.dump_token(token, app=app)}"
    async with stream(url, cookie) as (answer, lines):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        # What changed before the stream began is fetched again.
        assert [await anext(lines) for _ in range(4)] == ["retry: 2000", "", "event: resync", "data: all"]
        await announce_change(committed, "orders", 77)
        heard = [await anext(lines) for _ in range(3)]
        assert heard == ["", "event: orders", "data: 77"]
        process.terminate()
        assert [line async for line in lines if line] == []
    assert await asyncio.to_thread(process.wait, 30) == 0
