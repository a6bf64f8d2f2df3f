"""The calls of each colleague, from stored days and hours, and those hours that changed since they were counted.

A call is a logged outcome, or one that was only marked as made. Its local time is that of the called person: the first
time zone of their entry, otherwise the business time zone. If the zone's offset may not be a whole hour, quarters are
stored. Days are in UTC and sum up stored hours.
"""

from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import start_of_business_day
from domain.kernel.hours import HOUR, changed_between, count_for_good, find_cut_hours, take_notes
from domain.orders.business import current_business
from domain.orders.queries import Reader

FOLD_JOB = "count_call_hours"
_WITHIN = "created_at >= h.hour AND created_at < h.hour + interval '1 hour'"
# The calls of the hours in `changed`; LATERAL, so that only the rows of these hours are read.
_EACH = f"""
SELECT c.created_at, c.staff_id, coalesce(split_part(e.hours_key, '|', 2), '') AS zone,
  (c.outcome = 'sale_made')::int AS sales
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT created_at, staff_id, entry_id, outcome FROM outbound_call_log WHERE {_WITHIN} AND staff_id IS NOT NULL
  UNION ALL
  SELECT created_at, actor_id, entry_id, '' FROM calling_event
  WHERE {_WITHIN} AND kind = 'called' AND actor_kind = 'staff' AND actor_id IS NOT NULL
) AS c LEFT JOIN LATERAL (SELECT hours_key FROM calling_entry WHERE id = c.entry_id OFFSET 0) AS e ON true
"""  # noqa: S608 - constants of ours
_RANG_IN = HOUR.format("created_at")
# In a zone that is off by half an hour or a quarter, local hours are not UTC hours.
_QUARTER = f"""
CASE WHEN zone <> '' THEN
  CASE extract(minute FROM created_at AT TIME ZONE zone) WHEN extract(minute FROM created_at AT TIME ZONE 'UTC')
  THEN {_RANG_IN} ELSE date_bin('15 minutes', created_at, 'epoch') END
ELSE date_bin('15 minutes', created_at, 'epoch') END
"""
# A call's local hour, and its time if that is not known.
_WHEN = """
CASE WHEN zone <> '' THEN extract(hour FROM {0} AT TIME ZONE zone)::int END, CASE WHEN zone = '' THEN {0} END
""".strip()
# The calls between two moments; an hour that contains one of them is counted again. Days that contain one of them or a
# changed hour are read by the hour.
CALLS = f"""{changed_between("since", "until", "calls")},
opened AS MATERIALIZED (
  SELECT date_trunc('day', hour, 'UTC') AS day FROM changed
  UNION SELECT hour FROM hour_change WHERE report = 'call_days'
  UNION SELECT date_trunc('day', edge, 'UTC')
  FROM (VALUES (CAST(:since AS timestamptz)), (CAST(:until AS timestamptz))) AS edges(edge)
),
calls AS (
  SELECT staff_id, local_hour, at, calls, sales FROM call_day
  WHERE day >= CAST(:since AS timestamptz) AND day < CAST(:until AS timestamptz)
    AND day NOT IN (SELECT day FROM opened) AND (CAST(:rep_id AS bigint) IS NULL OR staff_id = :rep_id)
  UNION ALL
  SELECT h.staff_id, {_WHEN.format("at")}, h.calls, h.sales
  FROM opened AS d CROSS JOIN LATERAL (
    SELECT at, staff_id, zone, calls, sales FROM call_hour
    WHERE hour >= d.day AND hour < d.day + interval '24 hours'
      AND hour >= CAST(:since AS timestamptz) AND hour < CAST(:until AS timestamptz)
      AND hour NOT IN (SELECT hour FROM changed) OFFSET 0
  ) AS h WHERE CAST(:rep_id AS bigint) IS NULL OR h.staff_id = :rep_id
  UNION ALL
  SELECT staff_id, {_WHEN.format("created_at")}, 1, sales FROM ({_EACH}) AS each
  WHERE created_at >= CAST(:since AS timestamptz) AND created_at < CAST(:until AS timestamptz)
    AND (CAST(:rep_id AS bigint) IS NULL OR staff_id = :rep_id)
)"""  # noqa: S608 - constants of ours
_BY_STAFF = text(f"WITH {CALLS} SELECT staff_id, sum(calls)::int FROM calls GROUP BY staff_id")  # noqa: S608 - ours
_BY_HOUR = text(f"""
WITH {CALLS}
SELECT coalesce(local_hour, extract(hour FROM at AT TIME ZONE :zone)::int) AS hour, sum(calls)::int AS calls,
  sum(sales)::int AS sales
FROM calls GROUP BY 1 ORDER BY 1
""")  # noqa: S608 - constants of ours
FOLD_HOURS = f"""
WITH {take_notes("calls")},
dropped AS (DELETE FROM call_hour WHERE hour IN (SELECT hour FROM changed))
INSERT INTO call_hour (hour, at, staff_id, zone, calls, sales)
SELECT {_RANG_IN}, {_QUARTER}, staff_id, zone, count(*), sum(sales) FROM ({_EACH}) AS each
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""  # noqa: S608 - constants of ours
# Adds up the days whose stored hours changed.
_FOLD_DAYS = f"""
WITH {take_notes("call_days")},
dropped AS (DELETE FROM call_day WHERE day IN (SELECT hour FROM changed))
INSERT INTO call_day (day, staff_id, local_hour, at, calls, sales)
SELECT d.hour, h.staff_id, {_WHEN.format("h.at")}, sum(h.calls), sum(h.sales)
FROM changed AS d CROSS JOIN LATERAL (
  SELECT at, staff_id, zone, calls, sales FROM call_hour
  WHERE hour >= d.hour AND hour < d.hour + interval '24 hours' OFFSET 0
) AS h
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""  # noqa: S608 - constants of ours


async def count_calls(db: Reader, first: date, last: date, *, rep_id: int | None = None) -> dict[int, int]:
    """Return the number of calls of each colleague, or of one, between two business days; one statement."""
    return {row[0]: row[1] for row in await db.execute(_BY_STAFF, _values(first, last, rep_id))}


async def list_by_hour(db: Reader, first: date, last: date, *, rep_id: int | None) -> list[tuple[int, int, int]]:
    """Return each local hour of the day with calls between two business days, with its calls and sales."""
    values = _values(first, last, rep_id) | {"zone": str(current_business().timezone)}
    return [(row.hour, row.calls, row.sales) for row in await db.execute(_BY_HOUR, values)]


def _values(first: date, last: date, rep_id: int | None) -> dict[str, object]:
    zone: tzinfo = current_business().timezone
    bounds: tuple[datetime, datetime] = (
        start_of_business_day(first, zone),
        start_of_business_day(last + timedelta(days=1), zone),
    )
    return {"since": bounds[0], "until": bounds[1], "cut": find_cut_hours(bounds), "rep_id": rep_id}


async def fold_call_hours(db: AsyncSession) -> None:
    """Recount the hours that changed and the days that contain them, and store both."""
    await count_for_good(db, FOLD_HOURS)
    await count_for_good(db, _FOLD_DAYS)
