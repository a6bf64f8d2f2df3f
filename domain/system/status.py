"""The data of the administrators' status page besides `health`: scheduled jobs, connections, the database.

Each part is one statement that reads little for tables of any size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from domain.kernel.clock import now
from domain.system.backups import select_last_backup
from domain.system.health import COUNTED_TO, Figures, Readiness, check_readiness, count_figures, is_late, read_timetable
from models.session import current_database

MOST_PROGRAMS = 50
# The same limits as in the alerts in deploy/.
MOST_CONNECTIONS_USED = 0.85
MOST_LAG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class TimetableEntry:
    """A scheduled job: when it last succeeded, how many seconds that took, and how many of its runs were parked."""

    name: str
    cron: str
    succeeded_at: datetime | None
    took_seconds: float | None
    stopped: int
    is_late: bool


@dataclass(frozen=True, slots=True)
class Program:
    """The connections of one program from one address. `longest_seconds` is the age of its oldest transaction."""

    name: str
    address: str
    connections: int
    busy: int
    longest_seconds: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """The data of the page."""

    readiness: Readiness
    figures: Figures
    timetable: Sequence[TimetableEntry]
    programs: Sequence[Program]
    server_version: str
    database_bytes: int
    backed_up_at: datetime | None

    @property
    def late(self) -> list[TimetableEntry]:
        """The jobs that missed two runs."""
        return [entry for entry in self.timetable if entry.is_late]

    @property
    def stopped(self) -> int:
        """The number of jobs that wait for a person."""
        return self.figures.jobs["failed"] + self.figures.jobs["parked"]

    @property
    def connections(self) -> int:
        """The connections of all programs."""
        return sum(program.connections for program in self.programs)

    @property
    def is_short_of_connections(self) -> bool:
        """True if few connections are left."""
        return self.connections > MOST_CONNECTIONS_USED * self.figures.most_connections

    @property
    def is_replica_behind(self) -> bool:
        """True if reports would read outdated data."""
        lag = self.figures.replica_lag_seconds
        return lag is not None and lag > MOST_LAG_SECONDS


_STOPPED = text(
    "SELECT name, count(*) AS stopped FROM"  # noqa: S608 - a number only.
    f" (SELECT name FROM job_run WHERE state IN ('failed', 'parked') LIMIT {COUNTED_TO}) AS runs GROUP BY name"
)
_PROGRAMS = text(f"""
SELECT coalesce(nullif(application_name, ''), 'without a name') AS name,
  coalesce(host(client_addr), 'this machine') AS address, count(*) AS connections,
  count(*) FILTER (WHERE state <> 'idle') AS busy, extract(epoch FROM max(now() - xact_start))::float AS longest_seconds
FROM pg_stat_activity WHERE backend_type = 'client backend'
GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT {MOST_PROGRAMS}
""")  # noqa: S608 - the same.
_DATABASE = text(
    "SELECT current_setting('server_version') AS server_version, pg_database_size(current_database()) AS database_bytes"
)


async def read_status() -> Status:
    """Return the current state of the program."""
    async with current_database().reading() as connection:
        entries = await read_timetable(connection)
        stopped = {row.name: row.stopped for row in await connection.execute(_STOPPED)}
        programs = [Program(*row) for row in await connection.execute(_PROGRAMS)]
        database = (await connection.execute(_DATABASE)).one()
        backed_up_at = await connection.scalar(select(select_last_backup()))
    at = now()
    timetable = [
        TimetableEntry(
            name=entry["name"],
            cron=entry["expression"],
            succeeded_at=entry["succeeded_at"],
            took_seconds=entry["took_seconds"],
            stopped=stopped.get(entry["name"], 0),
            is_late=is_late(entry, at),
        )
        for entry in entries
    ]
    return Status(
        readiness=await check_readiness(entries),
        figures=await count_figures(entries),
        timetable=sorted(timetable, key=lambda entry: (not entry.is_late, not entry.stopped, entry.name)),
        programs=programs,
        server_version=database.server_version,
        database_bytes=database.database_bytes,
        backed_up_at=backed_up_at,
    )
