"""Reports with precalculated hours: which hours a reader must recount, and the job that stores the new counts.

`models/kept_hours.py` explains how hours are noted.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.folds import wait_for_turn
from models.session import raw_connection

HOUR = "date_trunc('hour', {0}, 'UTC')"
# The first hour of the last 90 days: what products sold is stored from then on.
HOURS_OF_90_DAYS = HOUR.format("now() - interval '90 days'")


def find_cut_hours(edges: Iterable[datetime]) -> list[datetime]:
    """Return the hours that contain one of these moments, because their stored figures belong to both sides."""
    moments = [edge.astimezone(UTC) for edge in edges]
    hours = {moment.replace(minute=0, second=0, microsecond=0) for moment in moments}
    return sorted(hours - {*moments})


def changed_between(since: str, until: str, *reports: str, also: str = "") -> str:
    """Return the CTE `changed`: the hours that a report recounts between two parameters, and those in `cut`.

    `also` selects hours that were noted elsewhere.
    """
    named = ", ".join(f"'{report}'" for report in reports)
    return f"""
changed AS MATERIALIZED (
  SELECT DISTINCT hour FROM hour_change WHERE report IN ({named})
    AND hour > CAST(:{since} AS timestamptz) - interval '1 hour' AND hour < CAST(:{until} AS timestamptz)
  UNION SELECT unnest(CAST(:cut AS timestamptz[])){_union(also)}
)"""  # noqa: S608 - names of ours


def take_notes(report: str, *, also: str = "") -> str:
    """Like `changed_between`, for a stored recount: deletes the notes in the same snapshot; later notes remain."""
    return f"""
noted AS (DELETE FROM hour_change WHERE report = '{report}' RETURNING hour),
changed AS MATERIALIZED (SELECT DISTINCT hour FROM noted{_union(also)})"""  # noqa: S608 - names of ours


def _union(also: str) -> str:
    return f"\n  UNION {also}" if also else ""


async def count_for_good(db: AsyncSession, statement: str) -> None:
    """Run a statement that begins with `take_notes`, in only one process at a time."""
    connection = await raw_connection(db)
    await wait_for_turn(connection, "hour_change")
    await connection.execute(statement)
