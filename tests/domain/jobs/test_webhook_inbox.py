"""An event of an outside company is kept once and takes effect once, however often it comes."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.jobs import webhook_inbox
from domain.jobs.webhook_inbox import process_event, processes, store_event
from models import JobRun, WebhookEvent


@pytest.fixture
def seen(monkeypatch) -> list[str]:
    """A company whose events are noted."""
    monkeypatch.setattr(webhook_inbox, "_processors", {})
    noted: list[str] = []

    @processes("carrier")
    async def note(_db, event: WebhookEvent) -> None:
        noted.append(event.payload["status"])
        if event.payload["status"] == "bad":
            raise ValueError("unknown parcel")

    return noted


async def put(database, event_id: str, status: str = "delivered") -> bool:
    async with database.separate_transaction() as db:
        return await store_event(db, "carrier", event_id, "tracker", {"status": status})


async def read(database: Any) -> Any:
    async with database.session() as db:
        return (await db.scalars(select(WebhookEvent))).one()


async def test_an_event_that_comes_twice_at_once_is_kept_with_one_job(committed) -> None:
    assert sorted(await asyncio.gather(*[put(committed, "evt_1") for _ in range(6)])) == [False] * 5 + [True]
    async with committed.session() as db:
        assert await db.scalar(select(func.count()).select_from(JobRun)) == 1
        assert (await db.scalars(select(JobRun.payload))).one() == {"event_id": (await read(committed)).id}


async def test_an_event_takes_effect_once_although_it_is_processed_twice_at_once(committed, seen) -> None:
    await put(committed, "evt_1")
    event = await read(committed)
    assert sorted(await asyncio.gather(process_event(event.id), process_event(event.id))) == [False, True]
    assert seen == ["delivered"]
    assert (await read(committed)).processed_at is not None


async def test_an_event_that_cannot_be_processed_keeps_the_reason_and_may_come_again(committed, seen) -> None:
    await put(committed, "evt_1", "bad")
    event = await read(committed)
    for _ in range(2):
        with pytest.raises(ValueError, match="unknown parcel"):
            await process_event(event.id)
    kept = await read(committed)
    assert (kept.attempts, kept.last_error, kept.processed_at) == (2, "unknown parcel", None)


async def test_an_event_that_nobody_reads_is_laid_aside(committed, seen) -> None:
    async with committed.separate_transaction() as db:
        await store_event(db, "elsewhere", "evt_1", "x", {})
    event = await read(committed)
    assert await process_event(event.id) is False
    assert (await read(committed)).processed_at is not None
