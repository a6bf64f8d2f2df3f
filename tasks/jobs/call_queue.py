"""Keeps the sums of customers' purchases for the outbound call queue up to date."""

from typing import Any

from domain.voice.refresh_sales import FOLD_JOB, REFRESH_JOB, fold_sales, refresh_sales
from models.session import separate_transaction
from tasks.job import Work, job


@job(FOLD_JOB, attempts=1)
async def fold(work: Work) -> dict[str, Any]:
    """Recalculate the customers whose orders changed; the timetable starts the next pass."""
    async with separate_transaction() as db:
        return {"customers": await fold_sales(db, timezone=work.settings.timezone)}


@job(REFRESH_JOB, attempts=3)
async def refresh(work: Work) -> dict[str, Any]:
    """Recalculate all customers and all pairs of products."""
    async with separate_transaction() as db:
        return {"customers": await refresh_sales(db, timezone=work.settings.timezone)}
