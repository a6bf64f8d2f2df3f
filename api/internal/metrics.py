"""Metrics for Prometheus: behind `METRICS_TOKEN`, or in development without one from this machine only.

With several server processes, each writes its counts to its own file, and any of them answers for all.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
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
    """Requests by route, jobs, the queue, the outbox, orders, money and processes, in Prometheus' text format."""
    _check_caller()
    registry = CollectorRegistry()
    registry.register(FiguresCollector(await count_figures()))
    registry.register(ProcessCollector())
    return Response(_own_metrics() + generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _check_caller() -> None:
    token = settings().metrics_token
    if not token:
        if settings().is_production:
            raise NotAllowed("Set METRICS_TOKEN to read the metrics in production.")
        if not is_loopback():
            raise NotAllowed("Without METRICS_TOKEN, metrics can be read only from this machine.")
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not is_same_secret(given.strip(), token):
        raise NotSignedIn("Send METRICS_TOKEN as a bearer token.")


def _own_metrics() -> bytes:
    """The counts of this process, or of all server processes if there are several."""
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
    """Figures from the database, the same in every process."""

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
        late = GaugeMetricFamily("ladle_timetable_late", "1 for an entry that has missed two turns.", labels=["job"])
        for name in self.figures.timetable:
            late.add_metric([name], int(name in self.figures.timetable_late))
        yield late
        yield CounterMetricFamily(
            "ladle_replica_fallbacks", "Reports of this process read from the primary.", self.figures.replica_fallbacks
        )
        yield from self._collect_database()
        yield from self._collect_business()

    def _collect_database(self) -> Iterator[Metric]:
        figures = self.figures
        if figures.replica_lag_seconds is not None:
            yield GaugeMetricFamily(
                "ladle_replica_lag_seconds", "How far the replica is behind.", figures.replica_lag_seconds
            )
        yield GaugeMetricFamily(
            "ladle_jobs_stale", "Jobs whose worker has not been heard of for two minutes.", figures.stale_jobs
        )
        yield GaugeMetricFamily(
            "ladle_database_connections", "Clients of the database server, of whatever program.", figures.connections
        )
        yield GaugeMetricFamily(
            "ladle_database_connections_most", "How many it takes (max_connections).", figures.most_connections
        )

    def _collect_business(self) -> Iterator[Metric]:
        figures = self.figures
        yield CounterMetricFamily("ladle_orders", "Orders ever written, by the newest id.", figures.orders_ever)
        yield GaugeMetricFamily("ladle_orders_last_hour", "Orders placed in the last hour.", figures.orders_last_hour)
        yield GaugeMetricFamily(
            "ladle_order_dollars_last_hour", "Their totals together.", float(figures.order_dollars_last_hour)
        )
        money = GaugeMetricFamily(
            "ladle_money_dollars_last_hour", "Payments of the last hour, and what was given back.", labels=["direction"]
        )
        money.add_metric(["received"], float(figures.received_dollars_last_hour))
        money.add_metric(["given_back"], float(figures.given_back_dollars_last_hour))
        yield money


class ProcessCollector:
    """Resource usage of the server processes, each by its number, even if there is only one."""

    def collect(self) -> Iterator[Metric]:
        memory = GaugeMetricFamily("ladle_process_resident_bytes", "Memory of a process.", labels=["pid"])
        seconds = CounterMetricFamily("ladle_process_cpu_seconds", "Processor time of a process.", labels=["pid"])
        files = GaugeMetricFamily("ladle_process_open_files", "Files and sockets of a process.", labels=["pid"])
        for process in _list_processes():
            with suppress(psutil.Error), process.oneshot():
                times, pid = process.cpu_times(), [str(process.pid)]
                seconds.add_metric(pid, times.user + times.system)
                memory.add_metric(pid, process.memory_info().rss)
                files.add_metric(pid, process.num_fds())
        yield from (memory, seconds, files)


def _list_processes() -> Iterator[psutil.Process]:
    """The processes that write metrics here, by the numbers in their file names."""
    folder = os.environ.get(FOLDER)
    files = Path(folder).glob("*.db") if folder else ()
    for pid in sorted({int(file.stem.rpartition("_")[2]) for file in files} | {os.getpid()}):
        with suppress(psutil.NoSuchProcess):
            yield psutil.Process(pid)
