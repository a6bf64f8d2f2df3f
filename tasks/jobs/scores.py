"""Calculates the scores of all customers at night, and on request."""

from typing import Any

from domain.scores.compute import compute_scores
from models.session import separate_transaction
from tasks.job import Work, job


@job("score_customers", attempts=3)
async def score_customers(work: Work) -> dict[str, Any]:
    """Fit the models to the existing orders and replace all scores."""
    async with separate_transaction() as db:
        run = await compute_scores(db, timezone=work.settings.timezone)
        return {"customers": run.customers, "reason": run.reason}
