"""Calls whose webhook never came are asked for, once, and go the way of the webhook's events."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.errors import NotConfigured
from domain.voice.missed_calls import fetch_missed_calls
from integrations.errors import ServiceFailed, ServiceRefused
from models import CallLog, WebhookEvent
from settings import Settings
from tests.fakes.http_server import fake_http
from tests.job_runner import run_jobs


def page(*ids: str, cursor: str | None = None) -> tuple[int, object]:
    listed = [{"conversation_id": id_, "status": "done"} for id_ in ids]
    listed.append({"conversation_id": "conv_running", "status": "in-progress"})
    return 200, {"conversations": listed, "has_more": cursor is not None, "next_cursor": cursor}


def conversation(id_: str) -> tuple[int, object]:
    said = [{"role": "user", "message": "My card is 4111 1111 1111 1111", "time_in_call_secs": 4}]
    metadata = {"start_time_unix_secs": 1_795_000_000, "call_duration_secs": 95, "cost_fiat": 0.5}
    return 200, {"conversation_id": id_, "agent_id": "agent_1", "transcript": said, "metadata": metadata}


async def fetch(settings: Settings, *answers: tuple[int, object]) -> tuple[int, list[str]]:
    async with fake_http(*answers) as server:
        more = {"elevenlabs_api_key": "key", "elevenlabs_api_base": server.url}
        kept = await fetch_missed_calls(settings.model_copy(update=more))
    assert all(headers["xi-api-key"] == "key" for _, headers, _ in server.requests)
    return kept, [line for line, _, _ in server.requests]


async def test_what_is_missing_is_fetched_once(db: AsyncSession, settings: Settings) -> None:
    answers: list[Any] = [
        page("conv_2", cursor="more"), page("conv_gone", "conv_1"), conversation("conv_1"), (404, {}),
        conversation("conv_2"),
    ]  # fmt: skip
    kept, asked = await fetch(settings, *answers)
    assert kept == 2
    assert "cursor=more" in asked[1]
    assert asked[2:] == [f"GET /v1/convai/conversations/{id_}" for id_ in ("conv_1", "conv_gone", "conv_2")]
    assert "4111" not in str((await db.scalars(select(WebhookEvent.payload))).all())
    await run_jobs(settings, "process_webhook")
    calls = (await db.execute(select(CallLog).order_by(CallLog.call_id))).scalars().all()
    assert [(call.call_id, str(call.cost_dollars)) for call in calls] == [("conv_1", "0.5000"), ("conv_2", "0.5000")]
    kept, asked = await fetch(settings, page("conv_2", "conv_1"))
    assert (kept, len(asked)) == (0, 1)
    since = int(asked[0].split("call_start_after_unix=")[1].split("&")[0])
    # A day before the last call that came in, or 30 days back where that is long ago.
    assert since >= 1_795_000_000 - 86_400


async def test_no_key_and_refusals_are_said(db: AsyncSession, settings: Settings) -> None:
    with pytest.raises(NotConfigured, match="ELEVENLABS_API_KEY"):
        await fetch_missed_calls(settings)
    for answer, kind in (((401, {}), ServiceRefused), ((500, {}), ServiceFailed), ((200, []), ServiceFailed)):
        with pytest.raises(kind):
            await fetch(settings, answer)
