"""The regular upkeep of the calling list: new customers, due reorders, sums and scores."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours_key import find_hours_key
from domain.calling.scores import POINTS, ScoreEvent, recalculate_scores
from domain.calling.totals import refresh_all_totals
from domain.kernel.live import Topic, announce
from domain.kernel.turns import ROWS_A_TURN, read_in_pieces
from domain.messages.suppression import callable_sql
from models.session import raw_connection

MOST_NEW = 5_000
# Once for each last order: the day has come on which the customer usually orders again.
_REORDERS = text("""
INSERT INTO calling_event (entry_id, kind, points)
SELECT e.id, 'reorder_due', :points FROM calling_entry AS e
WHERE e.order_days > 1 AND e.status <> 'closed'
  AND now() - e.last_order_at >= greatest((e.last_order_at - e.first_order_at) / (e.order_days - 1), interval '1 day')
  AND NOT EXISTS (
    SELECT FROM calling_event AS v
    WHERE v.entry_id = e.id AND v.kind = 'reorder_due' AND v.created_at > e.last_order_at
  )
""")
# Customers with a number that no entry has; if several have the same number, the oldest.
_MISSING = text(f"""
SELECT DISTINCT ON (c.phone) c.id, c.phone, c.shipping_zip, c.shipping_state FROM customer AS c
WHERE c.phone IS NOT NULL AND c.is_active AND NOT c.do_not_call AND {callable_sql("c.phone", "c.phone2")}
  AND NOT EXISTS (SELECT FROM calling_entry AS e WHERE e.customer_id = c.id OR e.phone = c.phone)
ORDER BY c.phone, c.id LIMIT :most
""")  # noqa: S608 - the condition is ours
_FILL = text("""
INSERT INTO calling_entry (
  customer_id, first_name, last_name, contact_name, company_name, email, phone, phone2, street, city, state, zip,
  country, assigned_to, status, hours_key
)
SELECT c.id, c.first_name, c.last_name, trim(c.first_name || ' ' || c.last_name), c.company_name, c.email, c.phone,
  c.phone2, c.shipping_street, c.shipping_city, c.shipping_state, c.shipping_zip, c.shipping_country, c.sales_rep_id,
  'customer', k.hours_key
FROM unnest(CAST(:ids AS bigint[]), CAST(:keys AS text[])) AS k(id, hours_key) JOIN customer AS c ON c.id = k.id
ON CONFLICT (phone) DO NOTHING
""")
_KEYS = "SELECT id, phone, zip, state, hours_key FROM calling_entry"
# An entry that somebody changed meanwhile has its new key already.
_CORRECT = """
WITH wanted AS (
  SELECT e.id, k.right_key FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(id, wrong_key, right_key)
  JOIN calling_entry AS e ON e.id = k.id AND e.hours_key = k.wrong_key ORDER BY e.id FOR NO KEY UPDATE OF e
)
UPDATE calling_entry AS e SET hours_key = w.right_key FROM wanted AS w WHERE w.id = e.id
"""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The result of a run."""

    reorders_due: int
    updated: int
    total: int


async def recalculate(db: AsyncSession) -> Upkeep:
    """Record due reorders, and recalculate every score."""
    noted: Any = await db.execute(_REORDERS, {"points": POINTS[ScoreEvent.REORDER_DUE]})
    done = await recalculate_scores(db)
    await announce(db, Topic.CALLING, 0)
    return Upkeep(noted.rowcount, done.updated, done.total)


async def fill_calling_list(db: AsyncSession, *, timezone: tzinfo) -> int:
    """Add customers who are not on the list yet, a few thousand per run, and correct the sums of purchases."""
    missing = (await db.execute(_MISSING, {"most": MOST_NEW})).all()
    keys = [find_hours_key(row.phone, row.shipping_zip, row.shipping_state) for row in missing]
    filled: Any = await db.execute(_FILL, {"ids": [row.id for row in missing], "keys": keys})
    await refresh_all_totals(db, timezone=timezone)
    await announce(db, Topic.CALLING, 0)
    return int(filled.rowcount)


async def correct_hours(db: AsyncSession) -> int:
    """Give entries the calling hours that a release with newer data finds for their number and address.

    The zones of numbers and ZIP codes, and the states with hours of their own, are data of the program.
    """
    connection = await raw_connection(db)
    wrong: list[tuple[int, str, str]] = []
    async for rows in read_in_pieces(connection, _KEYS, size=ROWS_A_TURN):
        for row in rows:
            key = find_hours_key(row["phone"], row["zip"], row["state"])
            if key != row["hours_key"]:
                wrong.append((row["id"], row["hours_key"], key))
    if wrong:
        await connection.execute(_CORRECT, *zip(*wrong, strict=True))
        await announce(db, Topic.CALLING, 0)
    return len(wrong)
