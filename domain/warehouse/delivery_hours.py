"""The deliveries of the last two weeks, from stored hours and those that changed since they were counted.

`models/delivery_hour.py` says what is noted. The promised time of an order is looked up among those of the last weeks;
an order that was older when delivered counts as late.
"""

from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import BigInteger, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_today
from domain.kernel.folds import wait_for_turn
from domain.kernel.hours import HOUR
from domain.warehouse.promise import list_promises
from models.session import raw_connection

FOLD_JOB = "count_delivery_hours"
# Orders older than this when delivered are assumed not to have left as promised.
LOOKED_BACK = timedelta(days=60)
# The hours that are stored; a little more than is read.
_KEPT = timedelta(days=15)
# The deliveries of the hours in `changed`; LATERAL, so that only the rows of these hours are read.
_EACH = f"""
SELECT o.delivered_at AS at, 1 AS delivered, coalesce(
  o.shipped_at <= (CAST({{leaves_by}} AS timestamptz[]))[width_bucket(o.created_at, CAST({{since}} AS timestamptz[]))]
  AND o.created_at >= o.delivered_at - interval '{LOOKED_BACK.days} days', false
)::int AS left_in_time
FROM changed AS h
CROSS JOIN LATERAL (
  SELECT delivered_at, created_at, shipped_at FROM orders
  WHERE delivered_at >= h.hour AND delivered_at < h.hour + interval '1 hour' AND status = 'delivered' OFFSET 0
) AS o
"""  # noqa: S608 - constants of ours
_COUNT = f"""
WITH edges(at) AS (VALUES (CAST(:week_ago AS timestamptz)), (CAST(:two_weeks_ago AS timestamptz))),
changed AS MATERIALIZED (
  SELECT hour FROM hour_change
  WHERE report = 'deliveries' AND hour > CAST(:two_weeks_ago AS timestamptz) - interval '1 hour'
  UNION SELECT hour FROM delivery_hour WHERE zone <> :zone AND hour >= CAST(:two_weeks_ago AS timestamptz)
  UNION SELECT {HOUR.format("at")} FROM edges
),
counted AS (
  SELECT hour AS at, delivered, left_in_time FROM delivery_hour
  WHERE hour >= CAST(:two_weeks_ago AS timestamptz) AND hour NOT IN (SELECT hour FROM changed)
  UNION ALL {_EACH.format(leaves_by=":leaves_by", since=":since")}
)
SELECT coalesce(sum(delivered) FILTER (WHERE at >= :week_ago), 0)::bigint AS delivered,
  coalesce(sum(delivered) FILTER (WHERE at < :week_ago), 0)::bigint AS delivered_before,
  coalesce(sum(left_in_time) FILTER (WHERE at >= :week_ago), 0)::bigint AS left_in_time
FROM counted WHERE at >= CAST(:two_weeks_ago AS timestamptz)
"""  # noqa: S608 - constants of ours
# The deliveries since `week_ago` and between `two_weeks_ago` and then, and how many of the first had left as promised.
DELIVERIES = text(_COUNT).columns(delivered=BigInteger, delivered_before=BigInteger, left_in_time=BigInteger)
_FOLD = f"""
WITH noted AS (DELETE FROM hour_change WHERE report = 'deliveries' RETURNING hour),
changed AS MATERIALIZED (
  SELECT hour FROM noted WHERE hour >= $4
  UNION SELECT hour FROM delivery_hour WHERE zone <> $1 AND hour >= $4
),
dropped AS (DELETE FROM delivery_hour WHERE hour IN (SELECT hour FROM changed) OR hour < $4)
INSERT INTO delivery_hour (hour, zone, delivered, left_in_time)
SELECT {HOUR.format("at")}, $1, count(*), sum(left_in_time)
FROM ({_EACH.format(leaves_by="$2", since="$3")}) AS each GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - constants of ours


def find_promises(today: date, timezone: tzinfo) -> tuple[list[datetime], list[datetime]]:
    """Return the order times from which on another promise holds, and the promised times, as far back as needed."""
    since, leaves_by = zip(*list_promises(today - LOOKED_BACK - _KEPT, today, timezone), strict=True)
    return list(since), list(leaves_by)


async def fold_deliveries(db: AsyncSession, *, timezone: tzinfo) -> None:
    """Recount the hours whose deliveries changed and store them, in only one process at a time."""
    today = business_today(timezone)
    since, leaves_by = find_promises(today, timezone)
    connection = await raw_connection(db)
    await wait_for_turn(connection, "hour_change")
    oldest = datetime.combine(today - _KEPT, datetime.min.time(), tzinfo=timezone)
    await connection.execute(_FOLD, str(timezone), leaves_by, since, oldest)
