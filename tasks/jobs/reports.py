"""Keeps the orders of each business day added up."""

from typing import Any

from domain.orders.days import FOLD_JOB, fold_days
from models.session import separate_transaction
from tasks.job import Work, job


@job(FOLD_JOB, attempts=1)
async def fold(work: Work) -> dict[str, Any]:
    """Fold in what changed; the timetable brings the next pass."""
    async with separate_transaction() as db:
        await fold_days(db, timezone=work.settings.timezone)
    return {}
