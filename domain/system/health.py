"""How the program is: whether it can take requests, and the figures that tell when somebody should look."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import text

from domain.jobs.runs import is_overdue
from domain.kernel.clock import now
from models.migrations import newest_revision
from models.session import current_database

COUNTED_TO = 10_000
OPEN_JOBS = ("queued", "running", "failed", "parked")
OPEN_MESSAGES = ("queued", "failed", "not_sent")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests can be served; late jobs are told but do not make a server unready."""

    database: bool
    migrated: bool
    queue_age_seconds: float | None = None
    jobs_overdue: bool = False

    @property
    def is_ready(self) -> bool:
        """True when the database answers and stands at the newest schema."""
        return self.database and self.migrated


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of what is open; each stops at `COUNTED_TO`."""

    queue_depth: int
    queue_age_seconds: float
    jobs: dict[str, int]
    messages: dict[str, int]


_READY = text(
    "SELECT (SELECT version_num FROM alembic_version) AS revision,"
    " (SELECT min(execute_after) FROM pgqueuer WHERE status = 'queued' AND execute_after <= now()) AS waiting_since"
)


def _capped(table: str, state: str) -> str:
    rows = f"SELECT FROM {table} WHERE state = '{state}' LIMIT {COUNTED_TO}"
    return f"(SELECT count(*) FROM ({rows}) AS counted) AS {table}_{state}"  # noqa: S608 - the same.


_FIGURES = text(
    "SELECT (SELECT count(*) FROM pgqueuer WHERE status = 'queued' AND execute_after <= now()) AS depth,"  # noqa: S608 - fixed words only.
    " (SELECT min(execute_after) FROM pgqueuer WHERE status = 'queued' AND execute_after <= now()) AS waiting_since, "
    + ", ".join(_capped("job_run", state) for state in OPEN_JOBS)
    + ", "
    + ", ".join(_capped("outbox_message", state) for state in OPEN_MESSAGES)
)


@lru_cache(maxsize=1)
def _newest_revision() -> str | None:
    return newest_revision()


async def check_readiness() -> Readiness:
    """Ask the database one question; whatever goes wrong means that it can't be used."""
    try:
        async with current_database().reading() as connection:
            row = (await connection.execute(_READY)).one()
    except Exception as error:  # noqa: BLE001 - every fault has the same meaning here.
        reached = getattr(getattr(error, "orig", None), "sqlstate", None) == "42P01"
        return Readiness(database=reached, migrated=False)
    return Readiness(
        database=True,
        migrated=row.revision == _newest_revision(),
        queue_age_seconds=_age_seconds(row.waiting_since),
        jobs_overdue=is_overdue(row.waiting_since, now()),
    )


async def count_figures() -> Figures:
    """The figures of the metrics, by one statement."""
    async with current_database().reading() as connection:
        row = (await connection.execute(_FIGURES)).mappings().one()
    return Figures(
        queue_depth=row["depth"],
        queue_age_seconds=_age_seconds(row["waiting_since"]) or 0.0,
        jobs={state: row[f"job_run_{state}"] for state in OPEN_JOBS},
        messages={state: row[f"outbox_message_{state}"] for state in OPEN_MESSAGES},
    )


def _age_seconds(since: datetime | None) -> float | None:
    return None if since is None else max(0.0, round((now() - since).total_seconds(), 1))
