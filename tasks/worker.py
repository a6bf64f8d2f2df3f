"""The job worker: runs jobs from the queue until it is signalled to stop, even if the database restarts.

Any number of workers may run. The jobs of a killed worker are taken over by another once their heartbeat is stale.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.errors import FailingListenerError
from pgqueuer.models import Job as QueuedJob
from pgqueuer.models import Schedule
from sqlalchemy.exc import SQLAlchemyError

from domain.jobs.enqueue import enqueue
from domain.jobs.queue import FORGET_OTHER_SCHEDULES
from integrations.stripe_client import close_stripe
from logs import configure_logging
from models.session import current_database, separate_transaction
from settings import Settings
from tasks.job import Job
from tasks.job_metrics import showing_metrics
from tasks.jobs import load_jobs
from tasks.long_lived import freeze_what_stays
from tasks.run_job import run_job
from tasks.schedule import TIMETABLE
from telemetry import start_telemetry

log = logging.getLogger(__name__)
AT_ONCE = 10
# New jobs are announced; this is the maximum delay for a job that waits for its next attempt.
POLL_SECONDS = 10.0
HEARTBEAT_SECONDS = 30.0
# The parent of `make run` kills after eight seconds.
GRACE_SECONDS = 5.0
SHORTEST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 10.0
# The pauses after each failure of a timetable tick; the next tick comes after these.
TICK_PAUSES = (0.2, 1.0, 3.0, 10.0, 20.0)
LOST_DATABASE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, FailingListenerError)


async def run_worker(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT; then finish running jobs, or release them after a few seconds."""
    configure_logging(settings.log_level)
    start_telemetry(settings, "worker")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    load_jobs()
    freeze_what_stays()
    try:
        async with showing_metrics(settings):
            await work_until(stopping, settings)
    finally:
        await close_stripe()
        await current_database().close()
    return 0


async def work_until(
    stopping: asyncio.Event,
    settings: Settings,
    *,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """Run jobs until `stopping` is set, reconnecting whenever the database was unavailable."""
    jobs, pause_seconds = load_jobs(), SHORTEST_PAUSE_SECONDS
    clock = asyncio.get_running_loop().time
    log.info("The worker starts", extra={"jobs": len(jobs)})
    while not stopping.is_set():
        began_at = clock()
        try:
            await _work_once(jobs, settings, stopping, heartbeat_seconds=heartbeat_seconds, grace_seconds=grace_seconds)
        except LOST_DATABASE as error:
            log.warning("The database is away: %s", type(error).__name__)
        if clock() - began_at > STEADY_SECONDS:
            pause_seconds = SHORTEST_PAUSE_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause_seconds)
        pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
    log.info("The worker has stopped")


async def _work_once(
    jobs: dict[str, Job],
    settings: Settings,
    stopping: asyncio.Event,
    *,
    heartbeat_seconds: float,
    grace_seconds: float,
) -> None:
    """Run jobs over one connection until `stopping` is set; raises if the connection is lost."""
    connection = await current_database().listening_connection()
    queue = PgQueuer.from_asyncpg_connection(connection)
    await connection.execute(FORGET_OTHER_SCHEDULES, [entry.job for entry in TIMETABLE])
    hurry = asyncio.Event()
    for job in jobs.values():
        queue.entrypoint(job.name, accepts_context=False)(_make_entrypoint(job, settings, hurry))
    for entry in TIMETABLE:
        queue.schedule(entry.job, entry.cron, accepts_context=False)(_enqueue_scheduled)

    async def stop_in_order() -> None:
        await stopping.wait()
        queue.shutdown.set()
        await asyncio.sleep(grace_seconds)
        hurry.set()

    # The queue uses the database only occasionally; this detects a closed connection immediately.
    connection.add_termination_listener(lambda _connection: queue.shutdown.set())
    watcher = asyncio.create_task(stop_in_order())
    try:
        await queue.run(
            dequeue_timeout=timedelta(seconds=POLL_SECONDS),
            batch_size=AT_ONCE // 2,
            max_concurrent_tasks=AT_ONCE,
            shutdown_on_listener_failure=True,
            heartbeat_timeout=timedelta(seconds=heartbeat_seconds),
        )
    finally:
        watcher.cancel()
        with contextlib.suppress(*LOST_DATABASE, TimeoutError):
            await connection.close(timeout=2)


def _make_entrypoint(job: Job, settings: Settings, hurry: asyncio.Event) -> Callable[[QueuedJob], Awaitable[None]]:
    async def entrypoint(queued: QueuedJob) -> None:
        await run_job(job, int(queued.payload or b"0"), settings, hurry=hurry)

    return entrypoint


async def _enqueue_scheduled(schedule: Schedule) -> None:
    """Enqueue a job of the timetable, even if the database restarts; a job still pending replaces this one."""
    for pause_seconds in (*TICK_PAUSES, None):
        try:
            async with separate_transaction() as db:
                await enqueue(db, schedule.entrypoint, {}, dedupe_key=f"timetable:{schedule.entrypoint}")
        except (*LOST_DATABASE, SQLAlchemyError):
            if pause_seconds is None:
                raise
            await asyncio.sleep(pause_seconds)
        else:
            return
