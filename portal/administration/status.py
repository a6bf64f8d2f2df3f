"""The program's status: problems first, then jobs, services, database and connections."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from croniter import croniter
from quart import Blueprint, Response

from documents.filters import format_number, format_plural, format_time
from domain.access.rights import Right
from domain.kernel.clock import business_today, now
from domain.system.services import list_services
from domain.system.status import Status, TimetableEntry, read_status
from portal.administration.jobs import write_name
from portal.figures import Figure
from portal.render import page_or_block
from web.guards import staff_page
from web.request import settings

blueprint = Blueprint("portal_status", __name__)
PAGE = "/portal/status"
JOBS, OUTBOX = "/portal/jobs", "/portal/outbox"


@dataclass(frozen=True, slots=True)
class Need:
    """One problem, and what to do about it."""

    tone: str
    icon: str
    title: str
    line: str
    url: str
    verb: str


@blueprint.get(PAGE)
@staff_page(Right.SEE_JOBS)
async def show_status() -> Response:
    """The page, or what of it changed."""
    status, at = await read_status(), now()
    needs = list(_list_needs(status))
    return await page_or_block(
        "administration/status/page.html",
        block="status_now",
        shown=status,
        at=at,
        today=business_today(settings().timezone),
        needs=needs,
        say=f"{format_plural(len(needs), 'thing')} to see to",
        figures=_list_figures(status),
        services=list_services(settings()),
        write_name=write_name,
        write_turn=lambda entry: write_turn(entry, settings().timezone, at),
        write_seconds=write_seconds,
        write_size=write_size,
    )


def _list_needs(status: Status) -> Iterator[Need]:
    """The problems, worst first."""
    figures, ready, messages = status.figures, status.readiness, status.figures.messages
    if ready.disk_full:
        yield Need(
            "bad", "database", "The disk of the database is full",
            "Nothing can be written. Enlarge it, and never delete files below pg_wal.", "#database", "Database",
        )  # fmt: skip
    if ready.jobs_overdue:
        yield Need(
            "bad", "hourglass", f"Jobs have waited for {write_seconds(figures.queue_age_seconds)}",
            "No worker is running, or all are busy. Start one: unfinished jobs are resumed after half a minute.",
            f"{JOBS}?state=queued", "Jobs",
        )  # fmt: skip
    if figures.stale_jobs:
        yield Need(
            "bad", "heartbeat", f"{format_plural(figures.stale_jobs, 'job')} without a heartbeat",
            "Their worker has been silent for two minutes. Restart the workers.", f"{JOBS}?state=running", "Jobs",
        )  # fmt: skip
    if status.stopped:
        yield Need(
            "bad", "alert-circle", f"{format_plural(status.stopped, 'job')} stopped",
            "Each shows its last error. Fix the cause, then run them again.", JOBS, "Jobs",
        )  # fmt: skip
    if status.late:
        names = ", ".join(write_name(entry.name) for entry in status.late[:3])
        more = f" and {len(status.late) - 3} more" if len(status.late) > 3 else ""
        yield Need(
            "warn", "clock", f"{format_plural(len(status.late), 'entry', 'entries')} of the timetable late",
            f"{names}{more} missed two turns", "#timetable", "Timetable",
        )  # fmt: skip
    if messages["failed"]:
        yield Need(
            "warn", "mail", f"{format_plural(messages['failed'], 'message')} failed",
            "The mail test checks the mail server step by step; then send them again.",
            f"{OUTBOX}?state=failed", "Outbox",
        )  # fmt: skip
    if status.is_short_of_connections:
        yield Need(
            "warn", "plug", f"{status.connections} of {figures.most_connections} connections are in use",
            "Run fewer processes or give each a smaller DATABASE_POOL.", "#connections", "Connections",
        )  # fmt: skip
    if ready.replica is False:
        yield Need(
            "warn", "copy", "The replica does not answer",
            "Reports use the primary meanwhile. Unset READ_DATABASE_URL if it stays away.", "#database", "Database",
        )  # fmt: skip
    elif status.is_replica_behind:
        yield Need(
            "warn", "copy", f"The replica is {write_seconds(figures.replica_lag_seconds)} behind",
            "Look at its disk and network. Unset READ_DATABASE_URL if it stays behind.", "#database", "Database",
        )  # fmt: skip


def _list_figures(status: Status) -> list[Figure]:
    """Six figures; each links to the rows that it counts."""
    figures = status.figures
    jobs, messages = figures.jobs, figures.messages
    return [
        Figure("Oldest waiting job", write_seconds(figures.queue_age_seconds) if figures.queue_depth else "–",
               f"{JOBS}?state=queued", "Waiting time of the oldest job that can run now",
               was=f"{format_number(jobs['queued'])} queued, {format_number(jobs['running'])} running"),
        Figure("Stopped jobs", format_number(status.stopped), JOBS, "Given up after the last attempt, or parked",
               was=f"{format_number(jobs['failed'])} failed, {format_number(jobs['parked'])} parked"),
        Figure("Late scheduled jobs", format_number(len(status.late)), "#timetable", "Missed two turns",
               was=f"of {len(status.timetable)}"),
        Figure("Failed messages", format_number(messages["failed"]), f"{OUTBOX}?state=failed",
               "Mails, texts and posts that are no longer tried",
               was=f"{format_number(messages['queued'])} queued, {format_number(messages['not_sent'])} kept"),
        Figure("Connections", format_number(status.connections), "#connections",
               "Database clients of all programs", was=f"of {format_number(figures.most_connections)}"),
        Figure("Database", write_size(status.database_bytes), "#database", "Tables and indexes on disk",
               was=f"PostgreSQL {status.server_version.partition(' ')[0]}"),
    ]  # fmt: skip


def write_turn(entry: TimetableEntry, zone: tzinfo, at: datetime) -> str:
    """When a scheduled job runs: `every 5 min`, `hourly`, `hourly by day`, or a time in this zone."""
    minute, hour, *_ = entry.cron.split()
    if minute == "*":
        return "every minute"
    if minute.startswith("*/"):
        return f"every {minute[2:]} min"
    if hour == "*":
        return "hourly"
    if "-" in hour:
        return "hourly by day"
    turns: Any = croniter(entry.cron, at)
    following: datetime = turns.get_next(datetime)
    return format_time(following, zone)


def write_seconds(seconds: float | None) -> str:
    """A duration in its two largest units: `0.2 s`, `41 s`, `3 min 52 s`, `2 h 5 min`, `6 days`."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if whole < 2 * 86_400:
        return f"{whole // 3_600} h {whole % 3_600 // 60} min"
    return f"{whole // 86_400} days"


def write_size(size: int) -> str:
    """A size on disk: `84 MB`, `12.6 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(round(size / 1e6), 1)} MB"
