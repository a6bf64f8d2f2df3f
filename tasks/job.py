"""What a job is: a function under the name it is enqueued by. It may run again at any time, so it must bear that."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from domain.jobs.runs import report_progress
from settings import Settings

REPORT_EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Work:
    """One run of a job: what it was asked for, and a way to say how far it has come."""

    id: int
    payload: dict[str, Any]
    settings: Settings
    _reported_at: float = field(default=0.0, init=False)

    async def report(self, done: int, total: int | None = None) -> None:
        """Show progress on the job's page; more than two reports a second are dropped, the last one never."""
        now = time.monotonic()
        if done != total and now - self._reported_at < REPORT_EVERY_SECONDS:
            return
        self._reported_at = now
        await report_progress(self.id, done, total)


Run = Callable[[Work], Awaitable[dict[str, Any] | None]]
GiveUp = Callable[[Work, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """A job's function with how often and how patiently it is tried."""

    name: str
    run: Run
    attempts: int
    first_pause_seconds: float
    longest_pause_seconds: float
    when_given_up: GiveUp | None

    def pause_seconds(self, failures: int) -> float:
        """How long to wait after this many failures: three times longer each time, up to the longest pause."""
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
    """Register a job under the name that `enqueue` uses; its result is kept for the job's page.

    `when_given_up` runs after the last failure, or when the job is parked, with the reason.
    """

    def register(run: Run) -> Run:
        if name in JOBS:
            raise RuntimeError(f"Two jobs are called {name}.")
        JOBS[name] = Job(name, run, attempts, first_pause_seconds, longest_pause_seconds, when_given_up)
        return run

    return register
