"""Processes an import in batches, from the last committed one; and deletes the data of old imports."""

from typing import Any

import domain.imports.books
import domain.sales.prospects  # noqa: F401 - the same.
from domain.imports.run import JOB, mark_import_failed, run_import
from domain.imports.start import forget_old_imports
from models.session import separate_transaction
from tasks.job import Work, job


async def _give_up(work: Work, reason: str) -> None:
    await mark_import_failed(work.payload["run_id"], reason)


@job(JOB, attempts=5, when_given_up=_give_up)
async def import_rows(work: Work) -> dict[str, Any]:
    """Import the pending rows, and report progress every few seconds."""
    while True:
        run = await run_import(work.payload["run_id"], timezone=work.settings.timezone, seconds=1)
        await work.report(run.processed_rows, run.total_rows or None)
        if run.finished_at is not None or run.state == "draft":
            return {"created": run.created_rows, "skipped": run.skipped_rows, "bad": run.bad_rows}


@job("forget_imports")
async def forget_imports(_work: Work) -> dict[str, Any]:
    """Delete the files and rows of imports that are a month old; their counts are kept."""
    async with separate_transaction() as db:
        return {"rows": await forget_old_imports(db)}
