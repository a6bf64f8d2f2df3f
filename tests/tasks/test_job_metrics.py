"""A worker's metrics: jobs by result, and whether its loop is running."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from proofs.ground import free_port
from settings import Settings
from tasks import job_metrics
from tasks.job_metrics import note_job, showing_metrics

TOKEN = "the metrics token"


@pytest.fixture
async def port(settings: Settings) -> AsyncIterator[int]:
    """A port on which a worker shows its metrics to who has the token."""
    found = free_port()
    chosen = settings.model_copy(update={"worker_metrics": f"127.0.0.1:{found}", "metrics_token": TOKEN})
    async with showing_metrics(chosen):
        await asyncio.sleep(0)
        yield found


async def ask(port: int, path: str, *headers: str, method: str = "GET") -> tuple[int, str]:
    """The status and the body of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join((f"{method} {path} HTTP/1.1", "Host: here", *headers, "", "")).encode())
    answer = (await asyncio.wait_for(reader.read(), 5)).decode()
    writer.close()
    return int(answer.split(" ", 2)[1]), answer.partition("\r\n\r\n")[2]


async def test_jobs_are_counted_by_what_came_of_them(port: int) -> None:
    note_job("count_me", "done", 0.2)
    note_job("count_me", "failed", 7)
    status, body = await ask(port, "/metrics", f"Authorization: Bearer {TOKEN}")
    assert status == 200
    lines = body.splitlines()
    assert 'ladle_jobs_ended_total{job="count_me",outcome="done"} 1.0' in lines
    assert 'ladle_jobs_ended_total{job="count_me",outcome="failed"} 1.0' in lines
    assert 'ladle_job_seconds_bucket{job="count_me",le="0.5"} 1.0' in lines
    assert 'ladle_job_seconds_count{job="count_me"} 2.0' in lines
    assert (REGISTRY.get_sample_value("ladle_worker_heartbeat_seconds") or 0) > 1_700_000_000


async def test_metrics_want_the_token_and_health_does_not(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await ask(port, "/metrics"))[0] == 401
    assert (await ask(port, "/metrics", "Authorization: Bearer other"))[0] == 401
    assert await ask(port, "/healthz") == (200, "ok\n")
    assert (await ask(port, "/portal"))[0] == 404
    assert (await ask(port, "/healthz", method="POST"))[0] == 404
    monkeypatch.setattr(job_metrics, "DEAD_SECONDS", -1.0)
    assert await ask(port, "/healthz") == (503, "stuck\n")


async def test_nonsense_is_dropped(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert (await ask(port, "/healthz"))[0] == 200
