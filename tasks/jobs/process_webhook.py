"""Processes one event of the webhook inbox."""

from typing import Any

from domain.jobs.webhook_inbox import PROCESS_JOB, process_event
from tasks.job import Work, job


@job(PROCESS_JOB, attempts=12)
async def process_webhook(work: Work) -> dict[str, Any]:
    """Process the event, once."""
    return {"processed": await process_event(work.payload["event_id"])}
