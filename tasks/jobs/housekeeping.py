"""Deletes temporary rows that have expired, and re-enqueues lost jobs."""

from typing import Any

from domain.jobs.runs import requeue_lost_runs
from domain.system.housekeeping import forget_expired, forget_history
from tasks.job import Work, job


@job("forget_expired")
async def forget_expired_rows(_work: Work) -> dict[str, Any]:
    """Delete used-up codes, limits, sessions and idempotency answers."""
    return dict(await forget_expired())


@job("forget_history")
async def forget_old_history(_work: Work) -> dict[str, Any]:
    """Delete the old history of jobs and webhooks."""
    return dict(await forget_history())


@job("requeue_lost_jobs")
async def requeue_lost_jobs(_work: Work) -> dict[str, Any]:
    """Enqueue jobs again that the queue has lost."""
    return {"requeued": await requeue_lost_runs()}
