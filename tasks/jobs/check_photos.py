"""Moves photos of checks to the object store, and deletes those whose order is gone."""

from typing import Any

from domain.payments.check_photos import FORGET_JOB, STORE_JOB, forget_photos, store_photos
from tasks.job import Work, job


@job(STORE_JOB)
async def store_check_photos(work: Work) -> dict[str, Any]:
    """Move what lies in the database; while the store fails it is tried again, and the photos stay where they are."""
    moved = await store_photos(work.settings)
    return {"skipped": "no object store is set up"} if moved is None else {"moved": moved}


@job(FORGET_JOB, attempts=12)
async def forget_check_photos(work: Work) -> dict[str, Any]:
    """Delete the photos of a deleted order."""
    await forget_photos(work.payload["keys"], work.settings)
    return {"deleted": len(work.payload["keys"])}
