"""The steps of one job, each in its own transaction, so that the rows stay right if a worker is killed.

pgqueuer does not count a crash as an attempt. Here every start is counted before the work begins. Starts that ended
neither in success nor in failure were crashes; a job that crashed its worker three times is parked.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.queue import IS_QUEUED
from models import JobState
from models.session import current_database

MOST_CRASHES = 3
LONGEST_ERROR = 2000
PARKED_BECAUSE = "The worker died three times during this job, so it is not tried again automatically."


@dataclass(frozen=True, slots=True)
class StartedJob:
    """A job whose start is counted. `is_parked` means that it must not be run."""

    id: int
    name: str
    payload: dict[str, Any]
    failures: int
    is_parked: bool


def _changing(update: str) -> TextClause:
    """Return the statement with a NOTIFY for the pages that show the job."""
    return text(
        f"WITH run AS ({update} RETURNING id, name, payload, failures, state) "  # noqa: S608 - fixed texts only.
        "SELECT run.*, announce('jobs', id::text) FROM run"
    )


_START = _changing(
    "UPDATE job_run SET starts = starts + 1, started_at = now(),"
    " state = CASE WHEN starts - failures >= :most THEN 'parked' ELSE 'running' END,"
    " finished_at = CASE WHEN starts - failures >= :most THEN now() END,"
    " last_error = CASE WHEN starts - failures >= :most THEN :parked_because ELSE last_error END"
    " WHERE id = :id AND state IN ('queued', 'running')"
)
_FINISH = _changing(
    "UPDATE job_run SET state = 'done', finished_at = now(), last_error = '', result = CAST(:result AS jsonb)"
    " WHERE id = :id AND state = 'running'"
)
_DONE_SINCE = text(
    "SELECT 1 FROM job_run WHERE state = 'done' AND name = :name AND finished_at >= :moment"
    " AND NOT coalesce(result ? 'skipped', false) LIMIT 1"
)
_FAIL = _changing(
    "UPDATE job_run SET failures = failures + 1, last_error = :error,"
    " state = CASE WHEN :again THEN 'queued' ELSE 'failed' END,"
    " finished_at = CASE WHEN :again THEN NULL ELSE now() END"
    " WHERE id = :id AND state = 'running'"
)
_GIVE_BACK = _changing(
    "UPDATE job_run SET state = 'queued', starts = greatest(starts - 1, 0) WHERE id = :id AND state = 'running'"
)
_PROGRESS = _changing(
    "UPDATE job_run SET progress_done = :done, progress_total = :total WHERE id = :id AND state = 'running'"
)
_REQUEUE = text(
    "SELECT queue_run(id, name) FROM job_run WHERE state IN ('queued', 'running')"  # noqa: S608 - fixed texts only.
    f" AND created_at < now() - interval '1 minute' AND NOT {IS_QUEUED}"
)
_OPEN_AGAIN = text("""
WITH run AS (
  UPDATE job_run SET state = 'queued', starts = 0, failures = 0, finished_at = NULL, progress_done = 0,
    progress_total = NULL, result = NULL
  WHERE id = :id AND state IN ('failed', 'parked') RETURNING id, name
)
SELECT queue_run(id, name) FROM run
""")


async def start_run(run_id: int) -> StartedJob | None:
    """Count a start. Returns None if the job is already done, after a crash before the queue was told."""
    row = await _run(_START, id=run_id, most=MOST_CRASHES, parked_because=PARKED_BECAUSE)
    if row is None:
        return None
    return StartedJob(row["id"], row["name"], row["payload"], row["failures"], row["state"] == JobState.PARKED)


async def finish_run(run_id: int, result: dict[str, Any] | None) -> None:
    """Record that the job is done; `result` is shown on its page."""
    await _run_surely(_FINISH, id=run_id, result=None if result is None else orjson.dumps(result, default=str).decode())


async def was_done_since(name: str, moment: datetime) -> bool:
    """Return True if a job of this name was completed since then; a run that found nothing to do does not count."""
    async with current_database().reading() as connection:
        return (await connection.execute(_DONE_SINCE, {"name": name, "moment": moment})).first() is not None


async def fail_run(run_id: int, error: str, *, again: bool) -> None:
    """Record that the job failed: it waits for its next attempt, or has had its last."""
    await _run_surely(_FAIL, id=run_id, error=error[:LONGEST_ERROR].replace("\0", ""), again=again)


async def give_back_run(run_id: int) -> None:
    """Record that the worker had to stop before the end of the job; this start does not count as a crash."""
    await _run_surely(_GIVE_BACK, id=run_id)


async def report_progress(run_id: int, done: int, total: int | None) -> None:
    """Record the progress of the job, for the bar on its page."""
    await _run(_PROGRESS, id=run_id, done=done, total=total)


async def requeue_lost_runs() -> int:
    """Queue open jobs that the queue itself no longer has. Returns how many."""
    async with current_database().reading() as connection:
        return len((await connection.execute(_REQUEUE)).all())


async def open_run_again(db: AsyncSession, run_id: int) -> bool:
    """Queue a failed or parked job with its counters reset. Returns False if it is neither any more."""
    return bool((await db.execute(_OPEN_AGAIN, {"id": run_id})).all())


async def _run(statement: TextClause, **values: Any) -> RowMapping | None:
    async with current_database().reading() as connection:
        return (await connection.execute(statement, values)).mappings().one_or_none()


async def _run_surely(statement: TextClause, **values: Any) -> None:
    """Run the statement, also across a restart of the database; after half a minute its error is raised."""
    for pause_seconds in (0.1, 0.5, 2, 5, 10, 12):
        try:
            await _run(statement, **values)
        except Exception:  # noqa: BLE001 - whatever went wrong, the job's end is worth another try.
            await asyncio.sleep(pause_seconds)
        else:
            return
    await _run(statement, **values)


def is_overdue(waiting_since: datetime | None, now: datetime, *, minutes: int = 10) -> bool:
    """Return True if the oldest runnable job has waited this long: no worker is running, or all are busy."""
    return waiting_since is not None and (now - waiting_since).total_seconds() > minutes * 60
