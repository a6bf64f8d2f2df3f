"""Where a deep page of the whole history begins, from the stored number of rows of each hour.

`models/trail_hour.py` says which hours are stored and what is noted.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.folds import wait_for_turn
from domain.kernel.hours import HOUR
from models import TRAIL_TABLES
from models.session import raw_connection

FOLD_JOB = "count_trail_hours"
_WITHIN = "created_at >= h.hour AND created_at < h.hour + interval '1 hour'"
# The rows of a noted hour.
_AGAIN = f"""
(SELECT count(*) FROM audit_entry WHERE {_WITHIN}) AS changes,
(SELECT count(*) FROM order_event WHERE {_WITHIN}) AS events
"""  # noqa: S608 - constants of ours
_NEWER = """
(SELECT count(*) FROM (SELECT FROM {table} WHERE created_at >= until LIMIT CAST(:most AS bigint)) AS {table})
""".strip()
# Rows after the stored hours are counted as far as the page: `until` is NULL if it begins among them.
_FIND = text(f"""
WITH noted AS MATERIALIZED (SELECT DISTINCT hour FROM trail_change),
kept AS MATERIALIZED (SELECT coalesce(max(hour) + interval '1 hour', '-infinity') AS until FROM trail_hour),
newer AS MATERIALIZED (
  SELECT {" + ".join(_NEWER.format(table=name) for name in TRAIL_TABLES)} AS rows FROM kept
),
hours AS (
  SELECT hour, changes + events AS rows FROM trail_hour WHERE hour NOT IN (SELECT hour FROM noted)
  UNION ALL
  SELECT hour, changes + events FROM (
    SELECT h.hour, {_AGAIN} FROM noted AS h WHERE h.hour < (SELECT until FROM kept)
  ) AS again
),
running AS (
  SELECT h.hour, newer.rows + sum(h.rows) OVER (ORDER BY h.hour DESC) AS through, h.rows
  FROM hours AS h CROSS JOIN newer WHERE newer.rows < CAST(:most AS bigint)
)
(SELECT NULL AS until, 0 AS before FROM newer WHERE rows >= CAST(:most AS bigint))
UNION ALL
(
  SELECT hour + interval '1 hour', (through - rows)::bigint FROM running WHERE through >= CAST(:most AS bigint)
  ORDER BY hour DESC LIMIT 1
)
""")  # noqa: S608 - constants of ours
_OLDEST = "SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database()"
_OVER = HOUR.format("$1::timestamptz")
_FOLD = f"""
WITH noted AS (DELETE FROM trail_change RETURNING hour),
kept AS MATERIALIZED (SELECT coalesce(max(hour) + interval '1 hour', '-infinity') AS until FROM trail_hour),
dropped AS (DELETE FROM trail_hour WHERE hour IN (SELECT hour FROM noted)),
counted AS (
  SELECT {HOUR.format("created_at")} AS hour, count(*) AS changes, 0 AS events
  FROM audit_entry WHERE created_at >= (SELECT until FROM kept) AND created_at < {_OVER} GROUP BY 1
  UNION ALL
  SELECT {HOUR.format("created_at")}, 0, count(*)
  FROM order_event WHERE created_at >= (SELECT until FROM kept) AND created_at < {_OVER} GROUP BY 1
  UNION ALL
  SELECT h.hour, {_AGAIN} FROM (SELECT DISTINCT hour FROM noted) AS h WHERE h.hour < (SELECT until FROM kept)
)
INSERT INTO trail_hour (hour, changes, events)
SELECT hour, sum(changes), sum(events) FROM counted GROUP BY hour HAVING sum(changes) + sum(events) > 0 ORDER BY hour
"""  # noqa: S608 - constants of ours


class Place(NamedTuple):
    """The end of the hour in which a row is, and the number of rows since; `until` is None after the stored hours."""

    until: datetime | None
    before: int


async def find_place(db: AsyncSession, offset: int) -> Place | None:
    """Return where the row after this many rows is; None past the last one."""
    row = (await db.execute(_FIND, {"most": offset + 1})).first()
    return None if row is None else Place(row.until, row.before)


async def fold_trail_hours(db: AsyncSession) -> None:
    """Count the hours that are over, and those that changed since, and store them."""
    connection = await raw_connection(db)
    await wait_for_turn(connection, "trail_hour")
    # Read before the statement that counts: a transaction that begins in between writes later than that.
    oldest = await connection.fetchval(_OLDEST)
    await connection.execute(_FOLD, oldest - timedelta(hours=1))
