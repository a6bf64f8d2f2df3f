"""Asks EasyPost what became of our labels, and keeps their files; all of it may run again at any time."""

from typing import Any

from domain.warehouse import events
from domain.warehouse.batch import LABELS_JOB, buy_queued_labels
from domain.warehouse.label_files import keep_label_file
from domain.warehouse.label_steps import FETCH_JOB, RECONCILE_JOB
from domain.warehouse.reconcile import reconcile_labels
from tasks.job import Work, job

# Naming it here has EasyPost's events processed.
PROVIDER = events.PROVIDER


@job(RECONCILE_JOB, attempts=1)
async def reconcile(work: Work) -> dict[str, Any]:
    """One pass over every label that is not settled; the timetable brings the next."""
    if not work.settings.easypost_api_key:
        return {"skipped": "EASYPOST_API_KEY is missing"}
    done = await reconcile_labels(work.settings)
    return {"asked": done.asked, "failed": done.failed}


@job(LABELS_JOB, attempts=3)
async def buy_order_labels(work: Work) -> dict[str, Any]:
    """Buy the labels of one packed order, at the cheapest rate."""
    return await buy_queued_labels(work.payload, work.settings)


@job(FETCH_JOB, attempts=12)
async def fetch_label(work: Work) -> dict[str, Any]:
    """Keep the label's file, so that it prints without EasyPost."""
    return {"kept": await keep_label_file(work.payload["label_id"])}
