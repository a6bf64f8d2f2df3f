"""The number of entries under each tab of the calling list, from stored counts: always exact, however long the list is.

People who were called recently are few: they are found by index and subtracted. So are the entries whose stored answer
to whether they must not be called is outdated.
"""

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta, tzinfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.marks import WRONG, fold_marks
from domain.calling.tabs import Segment, find_bounds
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.folds import wait_for_turn
from domain.orders.queries import Reader
from models import Role
from models.session import raw_connection

FOLD_JOB = "fold_calling_counts"
# Days so far back that they never fall between two bounds again are folded into one.
_KEPT_DAYS = timedelta(days=100)
_IS_MINE = "(:everybody OR {owner} = ANY(:whose))"
_OPEN = f"e.status <> 'closed' AND {_IS_MINE.format(owner='coalesce(e.assigned_to, 0)')}"
_COUNT = text(f"""
WITH kept AS (
  SELECT coalesce(sum(entries) FILTER (WHERE kind IN ('open', 'suppressed open')), 0) AS open,
    coalesce(sum(entries) FILTER (WHERE kind IN ('phone', 'suppressed phone')), 0) AS phone,
    coalesce(sum(entries) FILTER (
      WHERE kind IN ('ordered', 'suppressed ordered') AND day < :lapsed_day), 0) AS lapsed,
    coalesce(sum(entries) FILTER (WHERE kind IN ('window', 'suppressed window') AND day <= :today), 0) AS in_window
  FROM calling_count WHERE {_IS_MINE.format(owner="assigned_to")}
),
corrected AS (
  SELECT coalesce(sum(e.sign), 0) AS open,
    coalesce(sum(e.sign) FILTER (
      WHERE e.phone IS NOT NULL AND (e.last_called_at IS NULL OR e.last_called_at < :rested)), 0) AS priority,
    coalesce(sum(e.sign) FILTER (WHERE e.last_order_at < :lapsed), 0) AS lapsed,
    coalesce(sum(e.sign) FILTER (WHERE :today BETWEEN e.window_from AND e.window_until), 0) AS in_window,
    coalesce(sum(e.sign) FILTER (WHERE e.last_called_at >= :day_began), 0) AS called
  FROM (SELECT wrong.*, CASE WHEN is_suppressed THEN 1 ELSE -1 END AS sign FROM ({WRONG}) AS wrong) AS e WHERE {_OPEN}
),
recent AS (
  SELECT count(*) FILTER (WHERE e.phone IS NOT NULL AND e.last_called_at >= :rested) AS rests,
    count(*) FILTER (WHERE e.last_called_at >= :day_began) AS called
  FROM calling_entry AS e WHERE e.last_called_at >= least(:rested, :day_began)
    AND NOT e.is_suppressed AND {_OPEN}
),
edge AS (
  SELECT count(*) AS lapsed FROM calling_entry AS e
  WHERE e.last_order_at >= :lapsed_day_began AND e.last_order_at < :lapsed
    AND NOT e.is_suppressed AND {_OPEN}
)
SELECT kept.phone - recent.rests + corrected.priority AS priority, kept.in_window + corrected.in_window AS in_window,
  kept.lapsed + edge.lapsed + corrected.lapsed AS lapsed, recent.called + corrected.called AS called,
  kept.open + corrected.open AS open
FROM kept, corrected, recent, edge
""")  # noqa: S608 - constants of ours
# A single snapshot deletes the changes and adds them up, so that later changes remain. A stored row is written only if
# it changed: many changes come at once, and rewriting all stored rows after them would keep the table from shrinking.
_FOLD = """
WITH noted AS (
  DELETE FROM calling_count WHERE NOT is_kept OR day < $1::date RETURNING assigned_to, kind, day, entries
),
summed AS MATERIALIZED (
  SELECT assigned_to, kind, CASE WHEN day < $1::date THEN $1::date ELSE day END AS day, sum(entries) AS entries
  FROM noted GROUP BY 1, 2, 3 HAVING sum(entries) <> 0
),
met AS MATERIALIZED (
  SELECT s.*, k.id, k.entries + s.entries AS together FROM summed AS s LEFT JOIN calling_count AS k
    ON k.is_kept AND k.assigned_to = s.assigned_to AND k.kind = s.kind
      AND coalesce(k.day, '-infinity') = coalesce(s.day, '-infinity')
),
gone AS (DELETE FROM calling_count AS k USING met WHERE k.id = met.id AND met.together = 0),
changed AS (UPDATE calling_count AS k SET entries = met.together FROM met WHERE k.id = met.id AND met.together <> 0)
INSERT INTO calling_count (assigned_to, kind, day, entries, is_kept)
SELECT assigned_to, kind, day, entries, true FROM met WHERE id IS NULL ORDER BY 1, 2, 3
"""


async def count_tabs(
    db: Reader, *, visible_to: Actor, timezone: tzinfo, whose: Collection[int] | None = None
) -> dict[Segment, int]:
    """Count the open entries under each tab that the actor works with; one statement.

    `whose` restricts the counts to the entries of these colleagues, 0 for those without one.
    """
    bounds = find_bounds(timezone)
    if visible_to.has_role(Role.SALES_REP):
        whose = {visible_to.id or 0, 0}.intersection({visible_to.id or 0, 0} if whose is None else whose)
    lapsed_day = bounds.lapsed.astimezone(UTC).date()
    values = {
        "everybody": whose is None,
        "whose": sorted(whose or ()),
        "today": bounds.today,
        "day_began": bounds.day_began,
        "rested": bounds.rested,
        "lapsed": bounds.lapsed,
        "lapsed_day": lapsed_day,
        "lapsed_day_began": datetime.combine(lapsed_day, time(), tzinfo=UTC),
    }
    row = (await db.execute(_COUNT, values)).one()
    return {
        Segment.PRIORITY: int(row.priority),
        Segment.WINDOW: int(row.in_window),
        Segment.LAPSED: int(row.lapsed),
        Segment.CALLED: int(row.called),
        Segment.ALL: int(row.open),
    }


async def fold_calling_counts(db: AsyncSession, *, timezone: tzinfo) -> None:
    """Store which entries must not be called, and add the changes since the last fold to the stored counts."""
    connection = await raw_connection(db)
    await wait_for_turn(connection, "calling_count")
    await fold_marks(connection)
    await connection.execute(_FOLD, business_today(timezone) - _KEPT_DAYS)
