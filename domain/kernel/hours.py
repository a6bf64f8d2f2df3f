"""Reports that are kept by the hour: which hours a reader has to count again, and the turn of the job that does so.

`models/kept_hours.py` says how hours come to be noted.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.folds import wait_for_turn
from models.session import raw_connection

HOUR = "date_trunc('hour', {0}, 'UTC')"


def find_cut_hours(edges: Iterable[datetime]) -> list[datetime]:
    """The hours that one of these moments lies within: what is kept of them belongs to both sides."""
    moments = [edge.astimezone(UTC) for edge in edges]
    hours = {moment.replace(minute=0, second=0, microsecond=0) for moment in moments}
    return sorted(hours - {*moments})


def changed_between(report: str, since: str, until: str) -> str:
    """The table expression `changed`: what a report counts again between two parameters, and what is `cut`."""
    return f"""
changed AS MATERIALIZED (
  SELECT DISTINCT hour FROM hour_change WHERE report = '{report}'
    AND hour > CAST(:{since} AS timestamptz) - interval '1 hour' AND hour < CAST(:{until} AS timestamptz)
  UNION SELECT unnest(CAST(:cut AS timestamptz[]))
)"""  # noqa: S608 - names of ours


def take_notes(report: str) -> str:
    """The same of a count for good, in the one snapshot that takes the notes away: a note that comes later stays."""
    return f"""
noted AS (DELETE FROM hour_change WHERE report = '{report}' RETURNING hour),
changed AS MATERIALIZED (SELECT DISTINCT hour FROM noted)"""  # noqa: S608 - names of ours


async def count_for_good(db: AsyncSession, statement: str) -> None:
    """Run a statement that begins with `take_notes`, one at a time in all processes."""
    connection = await raw_connection(db)
    await wait_for_turn(connection, "hour_change")
    await connection.execute(statement)
