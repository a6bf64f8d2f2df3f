"""A rep's home page: calls and their results, commission due, and regular customers who are overdue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import text

from domain.calling.marks import sql_may_be_listed
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.orders.business import current_business
from domain.orders.queries import Reader
from domain.sales.call_hours import count_calls

# A regular customer is overdue after the window of their own cycle; after this many days they are in the lapsed tab.
LAPSED_DAYS, LEAST_ORDER_DAYS = 90, 4
MOST_SHOWN = 25
EARLIEST = date(2000, 1, 1)
_DUE = text("""
SELECT coalesce(sum(earned + taken_back - paid), 0) FROM commission_sum WHERE staff_id = :id
""")
# The order is by float8, much faster than numeric.
# The item is the most overdue one, by its own gap, of those bought at least three times in a year.
_OVERDUE = text(f"""
WITH quiet AS (
  SELECT e.id, e.customer_id, coalesce(nullif(e.company_name, ''), nullif(e.contact_name, ''), e.phone) AS name,
    e.last_order_at, count(*) OVER () AS all_of,
    extract(epoch FROM e.last_order_at - e.first_order_at) / 86400 / (e.order_days - 1) AS cycle
  FROM calling_entry AS e
  WHERE e.assigned_to = :id AND e.status <> 'closed' AND e.order_days >= :least
    AND e.customer_id IS NOT NULL AND {sql_may_be_listed("e")}
    AND e.last_order_at > now() - make_interval(days => :lapsed)
    AND e.window_until < CAST(:today AS date) AND e.window_until > CAST(:today AS date) - CAST(:lapsed AS int)
  ORDER BY date_part('epoch', now() - e.last_order_at)
    / greatest(date_part('epoch', e.last_order_at - e.first_order_at) / (e.order_days - 1), 86400) DESC, e.id
  LIMIT :most
)
SELECT q.id, q.name, q.all_of, extract(epoch FROM now() - q.last_order_at)::int / 86400 AS days,
  greatest(1, round(q.cycle))::int AS cycle, coalesce(i.product_name, '') AS item
FROM quiet AS q LEFT JOIN LATERAL (
  SELECT max(l.product_name) AS product_name FROM orders AS o JOIN order_item AS l ON l.order_id = o.id
  WHERE o.customer_id = q.customer_id AND o.status <> 'cancelled' AND o.created_at > now() - interval '365 days'
  GROUP BY l.product_sku HAVING count(DISTINCT o.id) >= 3 AND max(o.created_at) > min(o.created_at)
  ORDER BY extract(epoch FROM now() - max(o.created_at))
    / (extract(epoch FROM max(o.created_at) - min(o.created_at)) / (count(DISTINCT o.id) - 1)) DESC, l.product_sku
  LIMIT 1
) AS i ON true
ORDER BY (extract(epoch FROM now() - q.last_order_at) / 86400) / greatest(q.cycle, 1) DESC, q.id
""")  # noqa: S608 - the condition is ours


@dataclass(frozen=True, slots=True)
class QuietRegular:
    """A regular customer who is overdue, in days, and the item they stopped buying."""

    entry_id: int
    name: str
    days: int
    cycle: int
    item: str


@dataclass(frozen=True, slots=True)
class RepHome:
    """A rep's own figures. Amounts are in US dollars."""

    calls: int
    calls_before: int | None
    commission_due: Decimal
    overdue: int
    regulars: Sequence[QuietRegular]


async def get_rep_home(db: Reader, first: date | None, last: date, before: date | None, *, by: Actor) -> RepHome:
    """Return the actor's calls in a period and in the one before, and what is due now."""
    zone = current_business().timezone
    calls = await count_calls(db, first or EARLIEST, last, rep_id=by.id)
    calls_before = None
    if before is not None:
        until = (first or EARLIEST) - timedelta(days=1)
        calls_before = sum((await count_calls(db, before, until, rep_id=by.id)).values())
    due = (await db.execute(_DUE, {"id": by.id})).scalar_one()
    limits = {"lapsed": LAPSED_DAYS, "least": LEAST_ORDER_DAYS, "most": MOST_SHOWN}
    rows = (await db.execute(_OVERDUE, limits | {"id": by.id, "today": business_today(zone)})).all()
    regulars = [QuietRegular(row.id, row.name, row.days, row.cycle, row.item) for row in rows]
    return RepHome(sum(calls.values()), calls_before, due, rows[0].all_of if rows else 0, regulars)
