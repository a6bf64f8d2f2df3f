"""Jobs are completed although workers are killed, databases restart and services fail; none runs twice for long."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, text

from domain.jobs.enqueue import enqueue
from domain.jobs.list_runs import retry_runs
from domain.jobs.runs import requeue_lost_runs
from domain.kernel.actor import SYSTEM
from domain.kernel.errors import OutsideServiceFailed
from domain.messages.letter import Letter
from domain.messages.outbox import queue_mail
from models import IdempotencyKey, JobRun, OutboxMessage
from models.session import Database
from tasks.job import JOBS, Work, job
from tasks.jobs import load_jobs
from tasks.schedule import TIMETABLE
from tasks.worker import work_until
from tests.fakes.mail_server import fake_mail

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(autouse=True)
def known_jobs(monkeypatch) -> Iterator[None]:
    """Jobs that a test registers are gone after it; a job's next attempt is noticed quickly."""
    monkeypatch.setattr("tasks.worker.POLL_SECONDS", 0.2)
    before = dict(load_jobs())
    yield
    JOBS.clear()
    JOBS.update(before)


@pytest.fixture
def start_worker(committed: Database, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts worker processes that are gone after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.tasks.worker_that_dies", committed.url, str(tmp_path / "notes")]
        started.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@asynccontextmanager
async def working(settings) -> AsyncIterator[None]:
    """A worker in this process for the time of the block."""
    stopping = asyncio.Event()
    task = asyncio.create_task(work_until(stopping, settings, heartbeat_seconds=1.0, grace_seconds=0.2))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(task, 20)


async def until(check: Callable[[], Awaitable[bool] | bool], seconds: float = 100) -> None:
    """Wait until the check holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        held = check()
        if held is True or (not isinstance(held, bool) and await held):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("It did not come to that in time.")


async def put(database: Database, name: str, **more) -> int:
    async with database.separate_transaction() as db:
        await enqueue(db, name, {"number": 7}, **more)
    async with database.session() as db:
        return int(await db.scalar(select(JobRun.id).order_by(JobRun.id.desc()).limit(1)) or 0)


async def read(database: Database, run_id: int) -> JobRun:
    async with database.session() as db:
        return await db.get_one(JobRun, run_id)


async def has_state(database: Database, run_id: int, state: str) -> bool:
    return (await read(database, run_id)).state == state


async def count_queued(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM pgqueuer"))).scalar_one())


async def test_a_job_runs_with_its_payload_and_its_result_is_kept(committed, settings) -> None:
    @job("double")
    async def double(work: Work):
        await work.report(1, 1)
        return {"doubled": work.payload["number"] * 2}

    run_id = await put(committed, "double")
    async with working(settings):
        await until(lambda: has_state(committed, run_id, "done"))
        await until(lambda: is_empty(committed))
    run = await read(committed, run_id)
    assert (run.result, run.starts, run.failures, run.progress_done) == ({"doubled": 14}, 1, 0, 1)


async def is_empty(database: Database) -> bool:
    return await count_queued(database) == 0


async def test_a_job_of_a_transaction_that_is_rolled_back_never_runs(committed) -> None:
    async with committed.session() as db:
        await enqueue(db, "double", {})
        await db.rollback()
    assert await count_queued(committed) == 0


async def test_an_open_job_stands_for_the_same_one_asked_for_again(committed) -> None:
    for _ in range(3):
        await put(committed, "double", dedupe_key="the same")
    assert await count_queued(committed) == 1


async def test_a_failing_job_is_tried_again_and_then_fails_for_good(committed, settings) -> None:
    given_up: list[str] = []

    async def give_up(work: Work, reason: str) -> None:
        given_up.append(reason)

    @job("fails", attempts=3, first_pause_seconds=0.01, when_given_up=give_up)
    async def fails(work: Work):
        raise OutsideServiceFailed("The carrier does not answer.")

    run_id = await put(committed, "fails")
    async with working(settings):
        await until(lambda: has_state(committed, run_id, "failed"))
        await until(lambda: is_empty(committed))
    run = await read(committed, run_id)
    assert (run.starts, run.failures, run.last_error) == (3, 3, "The carrier does not answer.")
    assert given_up == ["The carrier does not answer."]
    ended = [("ladle_jobs_ended_total", {"job": "fails", "outcome": outcome}) for outcome in ("failed", "given_up")]
    assert [REGISTRY.get_sample_value(name, labels) for name, labels in ended] == [2.0, 1.0]

    async with committed.separate_transaction() as db:
        assert await retry_runs(db, [run_id], by=SYSTEM) == 1
        assert await retry_runs(db, [run_id], by=SYSTEM) == 0
    again = await read(committed, run_id)
    assert (again.state, again.starts, again.failures) == ("queued", 0, 0)
    assert await count_queued(committed) == 1


async def test_a_mail_refused_for_the_moment_is_sent_by_the_next_try(committed, settings, monkeypatch) -> None:
    monkeypatch.setitem(JOBS, "send_message", replace(JOBS["send_message"], first_pause_seconds=0.05))
    async with committed.separate_transaction() as db:
        await queue_mail(db, Letter("test", "Hello", "Hello."), to="kim@kitchen.example")
    with fake_mail(data_answers=["451 not now", "drop"]) as fake:
        there = settings.model_copy(
            update={"smtp_host": "127.0.0.1", "smtp_port": fake.port, "smtp_from": "shop@ladle.example"}
        )
        async with working(there):
            await until(lambda: is_empty(committed))
    assert len(fake.messages) == 1
    async with committed.session() as db:
        message = (await db.scalars(select(OutboxMessage))).one()
    assert (message.state, message.attempts) == ("sent", 3)


async def test_a_job_whose_worker_is_killed_half_way_is_done_by_the_next(committed, start_worker, tmp_path) -> None:
    run_id = await put(committed, "half_way")
    notes = tmp_path / "notes"
    first = start_worker()
    await until(notes.exists)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert await has_state(committed, run_id, "running")
    start_worker()
    await until(lambda: has_state(committed, run_id, "done"))
    assert notes.read_text().split() == ["half_way", "half_way"]
    assert (await read(committed, run_id)).starts == 2


async def test_a_job_that_kills_its_worker_three_times_is_parked(committed, start_worker, tmp_path) -> None:
    run_id = await put(committed, "killer")
    for _ in range(3):
        start_worker().wait(90)
    last = start_worker()
    await until(lambda: has_state(committed, run_id, "parked"))
    await until(lambda: is_empty(committed))
    assert last.poll() is None
    assert (tmp_path / "notes").read_text().split() == ["killer"] * 3
    assert "died three times" in (await read(committed, run_id)).last_error


async def test_a_worker_told_to_stop_finishes_the_job_in_hand(committed, start_worker, tmp_path) -> None:
    run_id = await put(committed, "steady")
    worker = start_worker()
    await until((tmp_path / "notes").exists)
    worker.terminate()
    assert worker.wait(60) == 0
    assert (tmp_path / "notes").read_text() == "steady began\nsteady ended\n"
    assert await has_state(committed, run_id, "done")
    assert await count_queued(committed) == 0


async def test_a_worker_that_must_stop_gives_a_long_job_back_without_counting_a_crash(
    committed, start_worker, tmp_path
) -> None:
    run_id = await put(committed, "slow")
    worker = start_worker()
    await until((tmp_path / "notes").exists)
    worker.terminate()
    assert worker.wait(60) == 0
    run = await read(committed, run_id)
    assert (run.state, run.starts, run.failures) == ("queued", 0, 0)
    assert await count_queued(committed) == 1


async def test_the_worker_goes_on_after_the_database_dropped_every_connection(committed, settings) -> None:
    done: list[int] = []

    @job("count", first_pause_seconds=0.01)
    async def count(work: Work):
        done.append(work.id)

    first = await put(committed, "count")
    async with working(settings):
        await until(lambda: has_state(committed, first, "done"))
        connection = await committed.listening_connection()
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()
        await committed.engine.dispose()
        second = await put(committed, "count")
        await until(lambda: has_state(committed, second, "done"))
    assert done == [first, second]


async def test_two_workers_do_each_job_once(committed, settings) -> None:
    done: list[int] = []

    @job("count")
    async def count(work: Work):
        done.append(work.id)

    for _ in range(40):
        await put(committed, "count")
    async with working(settings), working(settings):
        await until(lambda: is_empty(committed))
    assert sorted(done) == list(range(min(done), min(done) + 40))


async def test_a_job_that_the_queue_has_lost_is_queued_again(committed) -> None:
    run_id = await put(committed, "double")
    async with committed.separate_transaction() as db:
        await db.execute(text("DELETE FROM pgqueuer"))
        assert await requeue_lost_runs() == 0
        await db.execute(text("UPDATE job_run SET created_at = now() - interval '2 minutes'"))
    assert await requeue_lost_runs() == 1
    assert await requeue_lost_runs() == 0
    async with committed.reading() as connection:
        assert (
            await connection.execute(text("SELECT convert_from(payload, 'UTF8') FROM pgqueuer"))
        ).scalar_one() == str(run_id)


async def test_housekeeping_forgets_what_has_expired_and_nothing_else(committed, settings) -> None:
    async with committed.separate_transaction() as db:
        for key, age in (("old", 25), ("young", 23)):
            await db.execute(
                text(
                    "INSERT INTO idempotency_key (caller, route, key, request_hash, status, body, created_at)"
                    " VALUES ('c', 'r', :key, '', 200, '', now() - :age * interval '1 hour')"
                ),
                {"key": key, "age": age},
            )
    run_id = await put(committed, "forget_expired")
    history = await put(committed, "forget_history")
    async with working(settings):
        await until(lambda: has_state(committed, run_id, "done"))
        await until(lambda: has_state(committed, history, "done"))
    async with committed.session() as db:
        assert list(await db.scalars(select(IdempotencyKey.key))) == ["young"]
    assert ((await read(committed, run_id)).result or {})["idempotency_key"] == 1


def test_every_entry_of_the_timetable_names_a_job() -> None:
    assert {entry.job for entry in TIMETABLE} <= set(load_jobs())


async def test_a_due_entry_is_enqueued_once_although_two_workers_run(committed, settings, monkeypatch) -> None:
    monkeypatch.setattr("tasks.worker.TIMETABLE", tuple(replace(entry, cron="0 0 1 1 *") for entry in TIMETABLE))
    async with working(settings), working(settings):
        await until(lambda: has_schedules(committed))
        async with committed.separate_transaction() as db:
            await db.execute(text("UPDATE pgqueuer_schedules SET next_run = now() - interval '1 second'"))
    # A worker looks at the timetable when it starts: both find every entry due.
    async with working(settings), working(settings):
        await until(lambda: has_done(committed, len(TIMETABLE)))
    async with committed.session() as db:
        names = sorted(await db.scalars(select(JobRun.name)))
    assert names == sorted(entry.job for entry in TIMETABLE)


async def has_schedules(database: Database) -> bool:
    async with database.reading() as connection:
        found = (await connection.execute(text("SELECT count(*) FROM pgqueuer_schedules"))).scalar_one()
    return bool(found == len(TIMETABLE))


async def has_done(database: Database, count: int) -> bool:
    async with database.session() as db:
        return len((await db.scalars(select(JobRun.id).where(JobRun.state == "done"))).all()) >= count


def test_pauses_grow_threefold_up_to_the_longest() -> None:
    send = load_jobs()["send_message"]
    assert [send.pause_seconds(failures) for failures in (1, 2, 3, 6, 7, 50)] == [10, 30, 90, 2430, 3600, 3600]
