"""Keeps the tables of passing things small, and the queue complete."""

from typing import Any

from domain.jobs.runs import requeue_lost_runs
from domain.system.housekeeping import forget_expired, forget_history
from tasks.job import Work, job


@job("forget_expired")
async def forget_expired_rows(_work: Work) -> dict[str, Any]:
    """Drop used-up codes, limits, sessions and idempotency answers."""
    return dict(await forget_expired())


@job("forget_history")
async def forget_old_history(_work: Work) -> dict[str, Any]:
    """Drop the history of jobs and webhooks that nobody looks at any more."""
    return dict(await forget_history())


@job("requeue_lost_jobs")
async def requeue_lost_jobs(_work: Work) -> dict[str, Any]:
    """Queue again what the queue has lost."""
    return {"requeued": await requeue_lost_runs()}
