"""Who is due for an outbound reorder call, in which order: one statement over all customers with an order.

Cancelled orders do not count, and days are business days. The sums in `customer_sales` are used as they are, except for
customers whose orders changed since; those are recalculated here.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import asyncpg
from pydantic import Field

from domain.credit.exposure import OWED_ROWS
from domain.customers.standings import SELECT_OWING
from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.inputs import Input, Text60
from domain.kernel.paging import PageNumber
from domain.kernel.phone import digits_for_search
from domain.kernel.texts import as_search_pattern
from domain.voice.queue_hours import Reach
from domain.voice.queue_ranks import ALL_PLACES, CHOSEN, COUNTED_PLACES, LEAST_WEIGHT, NEAR
from domain.voice.refresh_sales import CHANGED, FRESH, STEPS

MOST_DAYS = 36_500
_NUMBER = re.compile(r"[\d\s().+-]+")
# The cycle, in days, of a customer with one order day while no customer has a cycle of their own.
UNKNOWN_CYCLE = 30
# The ranks of up to this many customers are looked up one by one; beyond, all worths are sorted.
MOST_COUNTED = 400


class QueueSort(StrEnum):
    """The sort orders of the queue."""

    PRIORITY = "priority"
    DAYS_DESC = "days_desc"
    LTV_DESC = "ltv_desc"


class CreditStatus(StrEnum):
    """The credit status of a customer in the queue."""

    GOOD = "good"
    OVERDUE = "overdue"
    NO_TERMS = "no_terms"


Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]


class QueueQuery(Input):
    """The filters of the queue."""

    min_days_since_order: Days = 14
    """The last order is at least this many days ago."""
    max_days_since_order: Days = 180
    """The last order is at most this many days ago."""
    min_order_count: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """The minimum number of orders."""
    cooldown_days: Days = 10
    """Excludes customers with a logged call within this many days, unless a callback is due."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    """Customers per page, at most 200."""
    page: PageNumber = 1
    """The page number, from 1."""
    sort: QueueSort = QueueSort.PRIORITY
    """priority, days_desc or ltv_desc."""
    credit_status: CreditStatus | None = None
    """good, overdue or no_terms; by default all."""
    callable_now: bool | None = None
    """True lists only customers who may be called now."""


class SearchedQueue(QueueQuery):
    """The queue with a search, for colleagues."""

    q: Text60 | None = None
    """Words of the company, the name or the address, or a phone number."""


@dataclass(frozen=True, slots=True)
class Member:
    """One customer of the queue with the figures that determine the priority."""

    customer_id: int
    phone: str
    first_name: str
    last_name: str
    company_name: str
    zip: str
    state: str
    order_count: int
    order_days: int
    first_day: date
    last_day: date
    lifetime_value: Decimal
    days_since: int
    cycle: float
    weight: float
    priority: float
    payment_terms: str
    credit_limit: Decimal
    current_balance: Decimal


_OWED_BY_ONE = OWED_ROWS.format(whose_orders="o.customer_id = c.id", whose_invoices="i.customer_id = c.id")
_ORDER_BY = {
    QueueSort.PRIORITY: "priority DESC, customer_id",
    QueueSort.DAYS_DESC: "days_since DESC, customer_id",
    QueueSort.LTV_DESC: "worth DESC, customer_id",
}
_SUMS = "customer_id, order_count, order_days, first_day, last_day, lifetime_value, own_cycle, worth"
# $1 today, $2 zone, $3-$4 days, $5 orders, $6 start of the cooldown; then the page and the credit status.
_IS_IN_RANGE = "last_day BETWEEN $1::date - $4::int AND $1::date - $3::int AND order_count >= $5"
# The same sort orders, for stored rows.
_SORTED_BY = {QueueSort.DAYS_DESC: "last_day", QueueSort.LTV_DESC: "worth DESC"}
# The last call was before the cooldown, or it asked for a callback that is due.
_RESTS = "called_at >= $6 AND (call_back_on IS NULL OR call_back_on > $1::date)"
_IS_FREE = "NOT is_barred AND (called_at IS NULL OR called_at < $6 OR call_back_on <= $1::date) {within_hours}"
_IS_MEMBER = f"{_IS_IN_RANGE} AND {_IS_FREE}"
# A stored key must be open; the customers without one who are open are named. Nobody may have been called too often.
_WITHIN_HOURS = """AND {wanted} (
  (coalesce(hours_key, '') = ANY($10::text[]) OR customer_id = ANY($9::bigint[]))
  AND customer_id NOT IN (SELECT id FROM exhausted))"""
_EXHAUSTED = "exhausted AS MATERIALIZED (SELECT id FROM customer WHERE phone = ANY($11::text[])),"
_LIMIT = "LIMIT $7::bigint OFFSET $8::bigint"
_IS_KEPT = "customer_id NOT IN (SELECT customer_id FROM changed)"
# The stored sums of customers in `changed` are outdated; `fresh` has the current ones. The steps give the approximate
# rank of a worth or cycle among the stored ones; outdated values are subtracted and current ones added during the
# lookup, so that nothing needs to be sorted. The median is the smallest cycle that at least half of the cycles do not
# exceed: the search starts at the last step with too few. The steps' arrays are not modified, so that they are
# decompressed only once and not for each lookup.
_GROUND = f"""
WITH changed AS MATERIALIZED ({CHANGED.format(sales="customer_sales_change", calls="customer_call_change")}),
fresh AS MATERIALIZED (SELECT *, NULL AS hours_key FROM ({FRESH.format(zone="$2::text")}) AS f),
old AS MATERIALIZED (SELECT s.* FROM customer_sales AS s JOIN changed USING (customer_id)),
steps AS MATERIALIZED (
  SELECT apart, customers, known_cycles, worths || '{{}}' AS worths, worths_through || '{{}}' AS worths_through,
    cycles || '{{}}' AS cycles, cycles_through || '{{}}' AS cycles_through, days, customers_of_days
  FROM (
    SELECT apart, customers, known_cycles, worths, worths_through, cycles, cycles_through, days, customers_of_days
    FROM customer_sales_steps
    UNION ALL SELECT * FROM ({STEPS}) AS counted WHERE NOT EXISTS (SELECT FROM customer_sales_steps)
  ) AS either LIMIT 1
),
differing AS MATERIALIZED (
  SELECT ARRAY(SELECT -worth FROM old ORDER BY worth DESC) AS old_worths,
    ARRAY(SELECT -worth FROM fresh ORDER BY worth DESC) AS fresh_worths,
    (SELECT count(own_cycle) FROM old) AS old_cycles, (SELECT count(own_cycle) FROM fresh) AS fresh_cycles
),
middle AS MATERIALIZED (
  SELECT n.known, coalesce(s.cycles_through[at], 0) AS through, coalesce(s.cycles[at], '-infinity') AS cycle,
    greatest(n.known / 2 + 1 + d.old_cycles - coalesce(s.cycles_through[at], 0), 0) AS most
  FROM steps AS s, differing AS d, LATERAL (SELECT s.known_cycles - d.old_cycles + d.fresh_cycles AS known) AS n,
    LATERAL (SELECT width_bucket(((n.known - 1) / 2 - d.fresh_cycles)::int, s.cycles_through) AS at) AS a
),
median AS (
  SELECT min(c.own_cycle) FILTER (WHERE c.through > (m.known - 1) / 2) AS least,
    min(c.own_cycle) FILTER (WHERE c.through > m.known / 2) AS most
  FROM middle AS m, LATERAL (
    SELECT own_cycle, m.through + sum(n) OVER (ORDER BY own_cycle) AS through FROM (
      (SELECT own_cycle, 1 AS n FROM customer_sales WHERE own_cycle > m.cycle ORDER BY own_cycle LIMIT m.most)
      UNION ALL SELECT own_cycle, -1 FROM old WHERE own_cycle IS NOT NULL
      UNION ALL SELECT own_cycle, 1 FROM fresh WHERE own_cycle IS NOT NULL
    ) AS near
  ) AS c
),
everybody AS MATERIALIZED (
  SELECT s.customers - cardinality(d.old_worths) + cardinality(d.fresh_worths) AS customers, s.apart, s.worths,
    s.worths_through, d.old_worths, d.fresh_worths,
    coalesce(m.least + (m.most - m.least) * 0.5, {UNKNOWN_CYCLE}) AS cycle
  FROM steps AS s, differing AS d, median AS m
),
"""  # noqa: S608 - constants of this module and its neighbours
# All members of the queue, for lists that need all of them.
_EVERY_MEMBER = f"""
{{owed}}
members AS MATERIALIZED (
  SELECT s.customer_id, s.worth, $1::date - s.last_day AS days_since,
    coalesce(s.own_cycle, (SELECT cycle FROM everybody)) AS cycle
  FROM (
    SELECT {_SUMS} FROM customer_sales WHERE {_IS_MEMBER} AND {_IS_KEPT}
    UNION ALL
    SELECT {_SUMS} FROM fresh WHERE {_IS_MEMBER}
  ) AS s {{joined}}
),
counted AS (SELECT count(*) AS total FROM members),
chosen AS ({{chosen}}),
"""  # noqa: S608 - the same
_COUNT_ROWS = f"SELECT count(*) FROM customer_sales WHERE {_IS_MEMBER}"  # noqa: S608 - the same
# Where no number of orders and no hours are asked for, all of the days that may be called are kept, and few rest.
_COUNT_DAYS = f"""
SELECT CASE WHEN days IS NULL THEN ({_COUNT_ROWS}) ELSE coalesce((
  SELECT sum(customers) FROM unnest(days, customers_of_days) AS kept(day, customers)
  WHERE day BETWEEN $1::date - $4::int AND $1::date - $3::int
), 0) - (SELECT count(*) FROM customer_sales WHERE {_IS_IN_RANGE} AND NOT is_barred AND {_RESTS}) END FROM steps
"""  # noqa: S608 - the same
_COUNTED = f"""
counted AS (
  SELECT ({{kept}})::bigint - (SELECT count(*) FROM old WHERE {_IS_MEMBER})
    + (SELECT count(*) FROM fresh WHERE {_IS_MEMBER}) AS total
),
"""  # noqa: S608 - the same
# A weight is between 0.5 and 1.5: a customer who would not come before the last of the page even with the largest
# weight is not on the page. On each day the shortest cycles come first, so `likely` has as many of a day as could be on
# the page, and the smallest priority of those is the minimum for all others. The planner cannot know how few rows that
# leaves, so each day is looked up separately.
_FIRST_MEMBERS = f"""
day AS MATERIALIZED (
  SELECT days_since, $1::date - days_since AS day
  FROM generate_series($3::int, least($4::int, $1::date - (SELECT min(last_day) FROM customer_sales))) AS days_since
),
{_COUNTED.strip()}
likely AS (
  SELECT d.days_since, s.* FROM day AS d CROSS JOIN LATERAL (
    SELECT own_cycle, worth FROM customer_sales
    WHERE last_day = d.day AND order_count >= $5 AND {_IS_FREE} AND {_IS_KEPT}
    ORDER BY own_cycle LIMIT $7::bigint + $8::bigint
  ) AS s
),
least AS MATERIALIZED (
  SELECT coalesce((
    SELECT m.days_since / coalesce(m.own_cycle, e.cycle) * ({LEAST_WEIGHT}) AS reached
    FROM likely AS m, everybody AS e ORDER BY reached DESC OFFSET $7::bigint + $8::bigint - 1 LIMIT 1
  ), 0) AS reached
),
-- A little more than the greatest weight, since the division may round.
reaching AS MATERIALIZED (
  SELECT d.*, CASE WHEN l.reached > 0 THEN d.days_since * 1.500001 / l.reached ELSE 'infinity' END AS cycle
  FROM day AS d, least AS l
),
chosen AS (
  SELECT s.customer_id, s.worth, s.days_since, coalesce(s.own_cycle, e.cycle) AS cycle FROM (
    SELECT * FROM (
      SELECT s.customer_id, s.worth, r.days_since, s.own_cycle FROM reaching AS r CROSS JOIN LATERAL (
        SELECT customer_id, worth, own_cycle FROM customer_sales
        WHERE last_day = r.day AND own_cycle <= r.cycle AND order_count >= $5 AND {_IS_FREE} OFFSET 0
      ) AS s
      UNION ALL
      SELECT s.customer_id, s.worth, r.days_since, NULL FROM reaching AS r CROSS JOIN LATERAL (
        SELECT customer_id, worth FROM customer_sales
        WHERE last_day = r.day AND own_cycle IS NULL AND order_count >= $5 AND {_IS_FREE} OFFSET 0
      ) AS s
      WHERE (SELECT cycle FROM everybody) <= r.cycle
    ) AS kept
    WHERE {_IS_KEPT}
    UNION ALL
    SELECT customer_id, worth, $1::date - last_day, own_cycle FROM fresh WHERE {_IS_MEMBER}
  ) AS s, everybody AS e
),
"""  # noqa: S608 - the same
# Sorted by worth or by days, the first ones up to the end of the page are read in index order.
_SORTED_MEMBERS = f"""
{_COUNTED.strip()}
kept AS MATERIALIZED (
  SELECT {_SUMS} FROM customer_sales WHERE {_IS_MEMBER} AND {_IS_KEPT}
  ORDER BY {{sorted}} FETCH FIRST ($7::bigint + $8::bigint) ROWS WITH TIES
),
chosen AS (
  SELECT s.customer_id, s.worth, $1::date - s.last_day AS days_since, coalesce(s.own_cycle, e.cycle) AS cycle
  FROM (SELECT {_SUMS} FROM kept UNION ALL SELECT {_SUMS} FROM fresh WHERE {_IS_MEMBER}) AS s, everybody AS e
  ORDER BY {{sorted}}, customer_id {_LIMIT}
),
"""  # noqa: S608 - the same
_PLACED = """
placed AS MATERIALIZED (SELECT *, days_since / cycle * weight AS priority FROM ranked ORDER BY {order} {limit})
"""
_PAGE = f"""
SELECT t.total, p.*, s.order_count, s.order_days, s.first_day, s.last_day, s.lifetime_value, c.phone, c.first_name,
  c.last_name, c.company_name, c.shipping_zip AS zip, c.shipping_state AS state, c.payment_terms, c.credit_limit,
  coalesce(owed.balance, 0) AS current_balance
FROM counted AS t LEFT JOIN (
  placed AS p JOIN customer AS c ON c.id = p.customer_id CROSS JOIN LATERAL (
    SELECT {_SUMS} FROM customer_sales AS s WHERE s.customer_id = p.customer_id
      AND NOT EXISTS (SELECT FROM changed WHERE changed.customer_id = p.customer_id)
    UNION ALL SELECT {_SUMS} FROM fresh WHERE fresh.customer_id = p.customer_id
  ) AS s
  LEFT JOIN LATERAL (SELECT sum(balance) AS balance FROM ({_OWED_BY_ONE}) AS o) AS owed ON true
) ON true
ORDER BY {{order}}
"""  # noqa: S608 - the same
_ALL = "SELECT * FROM members"
# What a filter by credit status needs for all customers.
_OWED_BY_ALL = f"""
owed AS MATERIALIZED (SELECT customer_id, owes AS balance FROM ({SELECT_OWING}) AS s),
"""  # noqa: S608 - the same
_HAS_STATUS = """${place}::text = CASE WHEN c.payment_terms <> 'net30' THEN 'no_terms'
  WHEN coalesce(owed.balance, 0) <= c.credit_limit THEN 'good' ELSE 'overdue' END"""


async def list_members(
    connection: asyncpg.Connection, asked: QueueQuery, *, timezone: ZoneInfo, reach: Reach | None = None
) -> tuple[list[Member], int]:
    """Return one page of the queue, and the number of its members; with a `reach`, only of those that it asks for.

    Without a filter the page is found by index; with one, all members are read.
    """
    before, today = (asked.page - 1) * asked.limit, business_today(timezone)
    since = start_of_business_day(today - timedelta(days=asked.cooldown_days - 1), timezone)
    sent: list[Any] = [
        today, timezone.key, asked.min_days_since_order, asked.max_days_since_order, asked.min_order_count, since,
        asked.limit, before,
    ]  # fmt: skip
    exhausted = within_hours = ""
    if reach is not None:
        sent += [reach.open_unkept, reach.open_keys, reach.exhausted]
        exhausted, within_hours = _EXHAUSTED, _WITHIN_HOURS.format(wanted="" if reach.wanted else "NOT")
    order, limit, ranks = _ORDER_BY[asked.sort], "", CHOSEN + COUNTED_PLACES
    if asked.sort is QueueSort.PRIORITY:
        ranks = NEAR + (COUNTED_PLACES if before + asked.limit <= MOST_COUNTED else ALL_PLACES)
        limit = _LIMIT
    # The days are kept of everybody with an order.
    kept = _COUNT_DAYS if reach is None and asked.min_order_count == 1 else _COUNT_ROWS
    if joined := _join_filters(asked, sent):
        chosen = _ALL if limit else f"{_ALL} ORDER BY {order} {_LIMIT}"
        owed = _OWED_BY_ALL if asked.credit_status is not None else ""
        members = _EVERY_MEMBER.format(chosen=chosen, owed=owed, joined=joined, within_hours=within_hours)
    else:
        found = _FIRST_MEMBERS if limit else _SORTED_MEMBERS
        members = found.format(
            sorted=_SORTED_BY.get(asked.sort), kept=kept.format(within_hours=within_hours), within_hours=within_hours
        )
    statement = _GROUND + exhausted + members + ranks + (_PLACED + _PAGE).format(order=order, limit=limit)
    rows = await connection.fetch(statement, *sent)
    return [_read_member(row) for row in rows if row["customer_id"] is not None], rows[0]["total"]


def _join_filters(asked: QueueQuery, sent: list[Any]) -> str:
    """Return the join and the conditions for the filters on customers; their values are added to `sent`."""
    joins = ""
    conditions: list[str] = []
    if asked.credit_status is not None:
        sent.append(asked.credit_status)
        joins = "LEFT JOIN owed ON owed.customer_id = c.id"
        conditions.append(_HAS_STATUS.format(place=len(sent)))
    if wanted := _read_search(asked):
        sent.append(_find_patterns(wanted))
        conditions.append(f"c.search_text LIKE ALL (${len(sent)}::text[])")
    return f"JOIN customer AS c ON c.id = s.customer_id {joins} WHERE {' AND '.join(conditions)}" if conditions else ""


def _read_search(asked: QueueQuery) -> str:
    return (isinstance(asked, SearchedQueue) and asked.q) or ""


def _find_patterns(wanted: str) -> list[str]:
    """Return the LIKE patterns that a customer's search text must match: the digits of a number, or words."""
    digits = digits_for_search(wanted)
    parts = [digits] if _NUMBER.fullmatch(wanted) and digits else as_search_pattern(wanted.lower()).split()
    return [f"%{part}%" for part in parts]


def _read_member(row: asyncpg.Record) -> Member:
    return Member(**{name: row[name] for name in Member.__dataclass_fields__})


def credit_status_of(member: Member) -> CreditStatus:
    """Return the credit status of a customer."""
    if member.payment_terms != "net30":
        return CreditStatus.NO_TERMS
    return CreditStatus.GOOD if member.current_balance <= member.credit_limit else CreditStatus.OVERDUE
