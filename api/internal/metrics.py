"""Metrics for Prometheus: behind `METRICS_TOKEN`, or in development without one from this machine only.

With several server processes each writes its counts into a file of its own, and any of them answers for all.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from quart import Blueprint, Response, request

from domain.access.tokens import is_same_secret
from domain.kernel.errors import NotAllowed, NotSignedIn
from domain.system.health import COUNTED_TO, Figures, count_figures
from web.guards import public
from web.request import is_loopback, settings

blueprint = Blueprint("metrics", __name__)
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@blueprint.get("/metrics")
@public
async def metrics() -> Response:
    """Requests by route, jobs, the queue, the outbox and live clients, in Prometheus' text form."""
    _check_caller()
    registry = CollectorRegistry()
    registry.register(FiguresCollector(await count_figures()))
    return Response(_own_metrics() + generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _check_caller() -> None:
    token = settings().metrics_token
    if not token:
        if settings().is_production:
            raise NotAllowed("Set METRICS_TOKEN to read the metrics in production.")
        if not is_loopback():
            raise NotAllowed("Without METRICS_TOKEN the metrics are for this machine alone.")
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not is_same_secret(given.strip(), token):
        raise NotSignedIn("Send METRICS_TOKEN as a bearer token.")


def _own_metrics() -> bytes:
    """The counts of this process, or of all server processes where there are several."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return generate_latest(REGISTRY)
    for file in Path(folder).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not psutil.pid_exists(pid):
            mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class FiguresCollector:
    """The figures that stand in the database, the same whichever process is asked."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("ladle_queue_depth", "Jobs that could run now.", self.figures.queue_depth)
        yield GaugeMetricFamily(
            "ladle_queue_age_seconds", "How long the oldest of them has waited.", self.figures.queue_age_seconds
        )
        note = f"counted up to {COUNTED_TO} each."
        jobs = GaugeMetricFamily("ladle_jobs", f"Jobs that are not done, {note}", labels=["state"])
        for state, count in self.figures.jobs.items():
            jobs.add_metric([state], count)
        yield jobs
        messages = GaugeMetricFamily("ladle_outbox_messages", f"Messages not sent, {note}", labels=["state"])
        for state, count in self.figures.messages.items():
            messages.add_metric([state], count)
        yield messages
        timetable = GaugeMetricFamily(
            "ladle_timetable_age_seconds", "Since the last success of an entry of the timetable.", labels=["job"]
        )
        for name, seconds in self.figures.timetable.items():
            if seconds is not None:
                timetable.add_metric([name], seconds)
        yield timetable
        yield CounterMetricFamily(
            "ladle_replica_fallbacks", "Reports of this process read from the primary.", self.figures.replica_fallbacks
        )
