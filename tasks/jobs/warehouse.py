"""Queries EasyPost for the state of our labels, and stores their files; all of it may be run again at any time."""

from typing import Any

from domain.warehouse import events
from domain.warehouse.batch import give_up_batch
from domain.warehouse.batch_rows import BATCH_JOB
from domain.warehouse.batch_run import run_batch
from domain.warehouse.label_files import keep_label_file
from domain.warehouse.label_steps import FETCH_JOB, RECONCILE_JOB
from domain.warehouse.late import notify_of_late_parcels
from domain.warehouse.reconcile import reconcile_labels
from models.session import separate_transaction
from tasks.job import Work, job

# This import registers the processing of EasyPost's events.
PROVIDER = events.PROVIDER


@job(RECONCILE_JOB, attempts=1)
async def reconcile(work: Work) -> dict[str, Any]:
    """Make one pass over every label that is not settled; the timetable starts the next."""
    if not work.settings.easypost_api_key:
        return {"skipped": "EASYPOST_API_KEY is missing"}
    done = await reconcile_labels(work.settings)
    return {"asked": done.asked, "failed": done.failed}


async def _leave_to_somebody(work: Work, reason: str) -> None:
    async with separate_transaction() as db:
        await give_up_batch(db, work.payload["batch_id"], reason)


@job(BATCH_JOB, attempts=8, first_pause_seconds=20, longest_pause_seconds=300, when_given_up=_leave_to_somebody)
async def buy_label_batch(work: Work) -> dict[str, Any]:
    """Buy the labels of a batch's packed orders; after an interruption it continues where it stopped."""
    return {"tried": await run_batch(work.payload["batch_id"], work.settings, report=work.report)}


@job("notify_of_late_parcels", attempts=1)
async def tell_late(work: Work) -> dict[str, Any]:
    """Notify customers and the desk of parcels that did not arrive on time; the timetable starts the next pass."""
    zone, company = work.settings.timezone, work.settings.company_name
    async with separate_transaction() as db:
        return {"notified": await notify_of_late_parcels(db, timezone=zone, company_name=company)}


@job(FETCH_JOB, attempts=12)
async def fetch_label(work: Work) -> dict[str, Any]:
    """Store the label's file, so that it can be printed without EasyPost."""
    return {"kept": await keep_label_file(work.payload["label_id"])}
