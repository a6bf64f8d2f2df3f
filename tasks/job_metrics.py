"""The metrics of a worker's jobs, and the small server that shows them: `/metrics`, and `/healthz` for probes.

A worker next to a server of several processes writes into their directory, and any of these reports its metrics too.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from domain.access.tokens import is_same_secret
from settings import Settings

log = logging.getLogger(__name__)
disable_created_metrics()  # type: ignore[no-untyped-call]

JOB_SECONDS = Histogram(
    "ladle_job_seconds",
    "How long a job ran, whatever came of it.",
    ["job"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)
JOBS_ENDED = Counter("ladle_jobs_ended_total", "Runs of jobs by what came of them.", ["job", "outcome"])
HEARTBEAT = Gauge(
    "ladle_worker_heartbeat_seconds", "When a worker last went round, as Unix time.", multiprocess_mode="max"
)
BEAT_SECONDS = 5.0
# A worker that has had no heartbeat for this long should be restarted.
DEAD_SECONDS = 60.0
LONGEST_HEAD = 16_384
PATIENCE_SECONDS = 5.0


class _Beat:
    at = 0.0


def note_job(job: str, outcome: str, seconds: float) -> None:
    """Count one run of a job: done, failed, given_up, or broken_off because the worker is stopping."""
    JOB_SECONDS.labels(job).observe(seconds)
    JOBS_ENDED.labels(job, outcome).inc()


async def keep_beating() -> None:
    """Record every few seconds that this worker's event loop is running."""
    while True:
        _Beat.at = time.monotonic()
        HEARTBEAT.set(time.time())
        await asyncio.sleep(BEAT_SECONDS)


@contextlib.asynccontextmanager
async def showing_metrics(settings: Settings) -> AsyncIterator[None]:
    """Record heartbeats, and serve metrics at the address in WORKER_METRICS, if set, while the block runs."""
    beating = asyncio.create_task(keep_beating())
    try:
        if not settings.worker_metrics:
            yield
            return
        host, _, port = settings.worker_metrics.rpartition(":")

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _answer(reader, writer, settings.metrics_token)

        async with await asyncio.start_server(serve, host.strip("[]"), int(port), limit=LONGEST_HEAD):
            log.info("The worker shows its metrics", extra={"address": settings.worker_metrics})
            yield
    finally:
        beating.cancel()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
    """Answer one request; anything further is ignored."""
    with contextlib.suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status, kind, body = _choose_answer(head, token)
            head_line = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head_line}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()


def _choose_answer(head: list[str], token: str) -> tuple[str, str, bytes]:
    method, path, _ = head[0].split(" ", 2)
    given = next((line.partition(":")[2] for line in head[1:] if line.lower().startswith("authorization:")), "")
    if method != "GET" or path not in {"/healthz", "/metrics"}:
        return "404 Not Found", "text/plain", b"Only /healthz and /metrics are here.\n"
    if path == "/healthz":
        is_alive = time.monotonic() - _Beat.at < DEAD_SECONDS
        return ("200 OK", "text/plain", b"ok\n") if is_alive else ("503 Service Unavailable", "text/plain", b"stuck\n")
    if token and not is_same_secret(given.strip().removeprefix("Bearer ").strip(), token):
        return "401 Unauthorized", "text/plain", b"Send METRICS_TOKEN as a bearer token.\n"
    return "200 OK", CONTENT_TYPE_LATEST, generate_latest()
