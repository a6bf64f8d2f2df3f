"""Sends webhooks to other programs."""

from typing import Any

from domain.webhooks.deliver import DELIVER_JOB, deliver_to, queue_due_deliveries
from tasks.job import Work, job


@job(DELIVER_JOB)
async def deliver_webhooks(work: Work) -> dict[str, Any]:
    """Send what is due for one endpoint; the timetable retries what could not be delivered."""
    return await deliver_to(work.payload["endpoint_id"], work.settings)


@job("queue_due_webhooks")
async def queue_due_webhooks(_work: Work) -> dict[str, Any]:
    """Enqueue a job for each endpoint for which something is due."""
    return {"endpoints": await queue_due_deliveries()}
