"""The definition of a job: a function with the name it is enqueued by, which must allow being run again."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from domain.jobs.runs import report_progress
from settings import Settings

REPORT_EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Work:
    """One run of a job: its arguments, and a way to report progress."""

    id: int
    payload: dict[str, Any]
    settings: Settings
    _reported_at: float = field(default=0.0, init=False)

    async def report(self, done: int, total: int | None = None) -> None:
        """Show progress on the job's page; of more than two reports per second some are dropped, but never the last."""
        now = time.monotonic()
        if done != total and now - self._reported_at < REPORT_EVERY_SECONDS:
            return
        self._reported_at = now
        await report_progress(self.id, done, total)


Run = Callable[[Work], Awaitable[dict[str, Any] | None]]
GiveUp = Callable[[Work, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """The function of a job, with the number of attempts and the pauses between them."""

    name: str
    run: Run
    attempts: int
    first_pause_seconds: float
    longest_pause_seconds: float
    when_given_up: GiveUp | None

    def pause_seconds(self, failures: int) -> float:
        """Return the pause after this many failures: three times longer each time, up to the longest pause."""
        return float(min(self.longest_pause_seconds, self.first_pause_seconds * 3 ** min(failures - 1, 20)))


JOBS: dict[str, Job] = {}


def job(
    name: str,
    *,
    attempts: int = 8,
    first_pause_seconds: float = 10,
    longest_pause_seconds: float = 3600,
    when_given_up: GiveUp | None = None,
) -> Callable[[Run], Run]:
    """Register a job under the name that `enqueue` uses; its result is stored for the job's page.

    `when_given_up` runs with the reason after the last failure, or when the job is parked.
    """

    def register(run: Run) -> Run:
        if name in JOBS:
            raise RuntimeError(f"Two jobs are called {name}.")
        JOBS[name] = Job(name, run, attempts, first_pause_seconds, longest_pause_seconds, when_given_up)
        return run

    return register
