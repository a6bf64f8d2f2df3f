"""Runs one job: counted before it begins, its result recorded when it ends."""

import asyncio
import logging
import time
from datetime import timedelta
from typing import Any

from pgqueuer.errors import RetryRequested

from domain.jobs.runs import StartedJob, fail_run, finish_run, give_back_run, start_run
from domain.kernel.errors import DomainError
from integrations.errors import ServiceFailed
from logs import logging_about
from settings import Settings
from tasks.job import Job, Work
from tasks.job_metrics import note_job

log = logging.getLogger(__name__)
SOON = timedelta(seconds=5)


async def run_job(job: Job, run_id: int, settings: Settings, *, hurry: asyncio.Event) -> None:
    """Run one job. Returns if the queue may remove it, raises RetryRequested if it must be run again.

    If `hurry` is set, the current work is cancelled and released for the next worker.
    """
    with logging_about(job=job.name, job_id=run_id):
        try:
            await _do(job, run_id, settings, hurry)
        except RetryRequested:
            raise
        except Exception as error:
            # The end of the job could not be written: better to run it twice than to lose it.
            log.exception("The job's state could not be written; it will run again")
            raise RetryRequested(SOON, "the state could not be written") from error


async def _do(job: Job, run_id: int, settings: Settings, hurry: asyncio.Event) -> None:
    started = await start_run(run_id)
    if started is None:
        return
    work = Work(run_id, started.payload, settings)
    if started.is_parked:
        log.error("The job ended its worker again and again; it is parked")
        note_job(job.name, "given_up", 0.0)
        await _give_up(job, work, "The worker ended three times while doing this.")
        return
    task, began_at = asyncio.ensure_future(job.run(work)), time.perf_counter()
    try:
        if not await _is_done_before(task, hurry):
            note_job(job.name, "broken_off", time.perf_counter() - began_at)
            await give_back_run(run_id)
            log.warning("The worker stops before the job's end; the next one does it")
            raise RetryRequested(timedelta(0), "the worker stops")
    finally:
        task.cancel()
    error = RuntimeError("The work was broken off.") if task.cancelled() else task.exception()
    note_job(job.name, _name_outcome(job, started, error), time.perf_counter() - began_at)
    if error is None:
        await finish_run(run_id, task.result())
    else:
        await _settle_failure(job, work, started, error)


def _name_outcome(job: Job, started: StartedJob, error: BaseException | None) -> str:
    if error is None:
        return "done"
    return "failed" if started.failures + 1 < job.attempts else "given_up"


async def _is_done_before(task: "asyncio.Future[Any]", hurry: asyncio.Event) -> bool:
    """Wait for the work or for `hurry`; False if the work had to be cancelled."""
    hurried = asyncio.create_task(hurry.wait())
    try:
        await asyncio.wait({task, hurried}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hurried.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    return not (task.cancelled() and hurry.is_set())


async def _settle_failure(job: Job, work: Work, started: StartedJob, error: BaseException) -> None:
    words = error.message if isinstance(error, DomainError) else f"{type(error).__name__}: {error}"
    failures = started.failures + 1
    again = failures < job.attempts
    log.warning("The job failed (%d of %d)", failures, job.attempts, exc_info=error)
    await fail_run(work.id, words, again=again)
    if again:
        # A service that said how long to wait is not called earlier.
        wait_seconds = error.wait_seconds if isinstance(error, ServiceFailed) else 0
        raise RetryRequested(timedelta(seconds=max(job.pause_seconds(failures), wait_seconds)), words[:200])
    await _give_up(job, work, words)


async def _give_up(job: Job, work: Work, reason: str) -> None:
    """Update the job's own record; an error in that must not run the job again."""
    if job.when_given_up is None:
        return
    try:
        await job.when_given_up(work, reason)
    except Exception:
        log.exception("Giving the job up failed")
