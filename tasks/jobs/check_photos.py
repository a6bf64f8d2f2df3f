"""Moves photos of checks to the object store, and deletes those of deleted orders."""

from typing import Any

from domain.payments.check_photos import FORGET_JOB, STORE_JOB, forget_photos, store_photos
from tasks.job import Work, job


@job(STORE_JOB)
async def store_check_photos(work: Work) -> dict[str, Any]:
    """Move the photos from the database; while the store fails, they stay there and the job is retried."""
    moved = await store_photos(work.settings)
    return {"skipped": "no object store is set up"} if moved is None else {"moved": moved}


@job(FORGET_JOB, attempts=12)
async def forget_check_photos(work: Work) -> dict[str, Any]:
    """Delete the photos of a deleted order."""
    await forget_photos(work.payload["keys"], work.settings)
    return {"deleted": len(work.payload["keys"])}
