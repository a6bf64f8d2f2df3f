"""The program's health: whether it can take requests, and the figures that show when somebody should look."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from croniter import croniter
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.jobs.queue import COUNT_STALE, COUNT_WAITING, LIST_TIMETABLE, WAITING_SINCE
from domain.jobs.runs import is_overdue
from domain.kernel.clock import now
from models.migrations import older_revisions
from models.session import current_database

COUNTED_TO = 10_000
DISK_FULL = "53100"
# How long after its last refusal the database counts as short of disk space.
SHORT_FOR_SECONDS = 60.0
# A scheduled job is late after two missed runs plus this time.
LEEWAY = timedelta(minutes=2)
OPEN_JOBS = ("queued", "running", "failed", "parked")
OPEN_MESSAGES = ("queued", "failed", "not_sent")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests can be served. Late jobs, a full disk and a lost replica are only reported.

    `timetable` has the age in seconds of each scheduled job's last success, None if there was none. `replica` is None
    if none is configured.
    """

    database: bool
    migrated: bool
    queue_age_seconds: float | None = None
    jobs_overdue: bool = False
    disk_full: bool = False
    replica: bool | None = None
    timetable: dict[str, float | None] = field(default_factory=dict)
    timetable_late: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """True if the database answers and has the newest schema, or one of a later release."""
        return self.database and self.migrated


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of open items; each stops at `COUNTED_TO`."""

    queue_depth: int
    queue_age_seconds: float
    jobs: dict[str, int]
    messages: dict[str, int]
    timetable: dict[str, float | None]
    timetable_late: tuple[str, ...]
    replica_fallbacks: int
    replica_lag_seconds: float | None
    orders_ever: int
    orders_last_hour: int
    order_dollars_last_hour: Decimal
    received_dollars_last_hour: Decimal
    given_back_dollars_last_hour: Decimal
    stale_jobs: int
    connections: int
    most_connections: int


_READY = text(
    "SELECT (SELECT version_num FROM alembic_version) AS revision,"  # noqa: S608 - fixed words only.
    f" ({WAITING_SINCE}) AS waiting_since"
)


_TIMETABLE = text(LIST_TIMETABLE)
_refused_at: dict[str, float] = {}


def note_refusal(state: str | None) -> None:
    """Record why the database refused a request; `state` is its SQLSTATE."""
    if state is not None:
        _refused_at[state] = time.monotonic()


def _was_refused(state: str) -> bool:
    return time.monotonic() - _refused_at.get(state, -SHORT_FOR_SECONDS) < SHORT_FOR_SECONDS


def _capped(table: str, state: str) -> str:
    rows = f"SELECT FROM {table} WHERE state = '{state}' LIMIT {COUNTED_TO}"
    return f"(SELECT count(*) FROM ({rows}) AS counted) AS {table}_{state}"  # noqa: S608 - the same.


_HOUR = "created_at > now() - interval '1 hour'"
_LATEST_PAYMENTS = "(SELECT amount, state, created_at FROM payment ORDER BY id DESC LIMIT 5000) AS latest"
_BUSINESS = text(f"""
SELECT (SELECT coalesce(max(id), 0) FROM orders) AS ever, placed.number, placed.dollars, paid.received, paid.given_back,
  ({COUNT_STALE}) AS stale_jobs,
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
  current_setting('max_connections')::int AS most_connections
FROM
  (SELECT count(*) AS number, coalesce(sum(total_amount), 0) AS dollars FROM orders WHERE {_HOUR}) AS placed,
  (SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS received,
     coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS given_back
   FROM {_LATEST_PAYMENTS} WHERE state = 'succeeded' AND {_HOUR}) AS paid
""")  # noqa: S608 - fixed words only.
_FIGURES = text(
    f"SELECT ({COUNT_WAITING}) AS depth, ({WAITING_SINCE}) AS waiting_since, "
    + ", ".join(_capped("job_run", state) for state in OPEN_JOBS)
    + ", "
    + ", ".join(_capped("outbox_message", state) for state in OPEN_MESSAGES)
)


@lru_cache(maxsize=1)
def _older_revisions() -> frozenset[str]:
    return older_revisions()


def _is_migrated(revision: str | None) -> bool:
    """Return True for the newest revision, and for one that this release does not know.

    A later release that has already migrated only added to what this one uses, so this one works until it is replaced.
    """
    return revision is not None and revision not in _older_revisions()


async def read_timetable(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Return the scheduled jobs, each with its last success."""
    return (await connection.execute(_TIMETABLE)).mappings().all()


async def check_readiness(timetable: Sequence[RowMapping] | None = None) -> Readiness:
    """Check with one query whether the database is usable; any error means that it is not.

    Pass `timetable` if it has already been read.
    """
    try:
        async with current_database().reading() as connection:
            row = (await connection.execute(_READY)).one()
            entries = timetable if timetable is not None else await read_timetable(connection)
    except Exception as error:  # noqa: BLE001 - every fault has the same meaning here.
        reached = getattr(getattr(error, "orig", None), "sqlstate", None) == "42P01"
        return Readiness(database=reached, migrated=False)
    database = current_database()
    return Readiness(
        database=True,
        migrated=_is_migrated(row.revision),
        queue_age_seconds=_age_seconds(row.waiting_since),
        jobs_overdue=is_overdue(row.waiting_since, now()),
        disk_full=_was_refused(DISK_FULL),
        replica=await database.replica_answers() if database.has_replica else None,
        timetable={entry["name"]: _age_seconds(entry["succeeded_at"]) for entry in entries},
        timetable_late=tuple(entry["name"] for entry in entries if is_late(entry, now())),
    )


async def wait_for_schema(seconds: float) -> None:
    """Wait until the database can be used, at most this many seconds; after that, readiness reports what is wrong."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at and not (await check_readiness()).is_ready:  # noqa: ASYNC110 - another program migrates.
        await asyncio.sleep(0.1)


async def count_figures(timetable: Sequence[RowMapping] | None = None) -> Figures:
    """Return the figures for the metrics, with three statements that read little for tables of any size.

    Pass `timetable` if it has already been read.
    """
    async with current_database().reading() as connection:
        row = (await connection.execute(_FIGURES)).mappings().one()
        entries = timetable if timetable is not None else await read_timetable(connection)
        business = (await connection.execute(_BUSINESS)).one()
    return Figures(
        queue_depth=row["depth"],
        queue_age_seconds=_age_seconds(row["waiting_since"]) or 0.0,
        jobs={state: row[f"job_run_{state}"] for state in OPEN_JOBS},
        messages={state: row[f"outbox_message_{state}"] for state in OPEN_MESSAGES},
        timetable={entry["name"]: _age_seconds(entry["succeeded_at"]) for entry in entries},
        timetable_late=tuple(entry["name"] for entry in entries if is_late(entry, now())),
        replica_fallbacks=current_database().replica_fallbacks,
        replica_lag_seconds=await current_database().replica_lag(),
        orders_ever=business.ever,
        orders_last_hour=business.number,
        order_dollars_last_hour=business.dollars,
        received_dollars_last_hour=business.received,
        given_back_dollars_last_hour=business.given_back,
        stale_jobs=business.stale_jobs,
        connections=business.connections,
        most_connections=business.most_connections,
    )


def is_late(entry: RowMapping, at: datetime) -> bool:
    """Return True if a scheduled job has missed two runs."""
    turns: Any = croniter(entry["expression"], at)
    first: datetime = turns.get_next(datetime)
    second: datetime = turns.get_next(datetime)
    since = entry["succeeded_at"] or entry["created"]
    return bool(at - since > (second - first) * 2 + LEEWAY)


def _age_seconds(since: datetime | None) -> float | None:
    return None if since is None else max(0.0, round((now() - since).total_seconds(), 1))
