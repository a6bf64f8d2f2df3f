"""What is recorded of every request: a line in the log and a count in the metrics, by route, never by path."""

import logging
import time
from functools import cache

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from quart import Quart, Response

from models.session import current_database
from web.request import kept, this_request

log = logging.getLogger("access")

# The creation times of series are not used; they would double the number of series.
disable_created_metrics()  # type: ignore[no-untyped-call]

REQUESTS = Counter("ladle_requests_total", "Answered requests.", ["method", "route", "status"])
SECONDS = Histogram(
    "ladle_request_seconds",
    "Time to the answer's first byte.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
LIVE_CLIENTS = Gauge("ladle_live_clients", "Browsers listening for live events.", multiprocess_mode="livesum")
POOL = Gauge(
    "ladle_pool_connections",
    "Connections of the servers' pools: lent, idle, and how many there may be at most.",
    ["state"],
    multiprocess_mode="livesum",
)
POOL_NOTED_EVERY = 1.0
# A caller can send any word as the method; each would create a new series.
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def register_observation(app: Quart) -> None:
    """Count and log every request; register it first, so that it runs last."""
    app.before_request(_start_clock)
    app.after_request(_write_down)


class _Noted:
    pool_at = 0.0


def _note_pool() -> None:
    """Record the state of the pool, at most once per second."""
    at = time.monotonic()
    if at - _Noted.pool_at < POOL_NOTED_EVERY:
        return
    _Noted.pool_at = at
    for state, count in current_database().pool_figures().items():
        POOL.labels(state).set(count)


@cache
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return the metrics with these labels; their number is limited by routes, methods and statuses."""
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(method, route)


async def _start_clock() -> None:
    kept().observed_since = time.perf_counter()


async def _write_down(response: Response) -> Response:
    asked = this_request()
    seconds = time.perf_counter() - kept().get("observed_since", time.perf_counter())
    route = asked.url_rule.rule if asked.url_rule is not None else "unmatched"
    method = asked.method if asked.method in METHODS else "other"
    answered, took = _series(method, route, response.status_code)
    answered.inc()
    took.observe(seconds)
    _note_pool()
    log.info(
        "%s %s",
        method,
        route,
        extra={
            "method": method,
            "route": route,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 1),
        },
    )
    return response
