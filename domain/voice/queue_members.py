"""Who is due for an outbound reorder call, in which order: one statement over all customers with an order.

Cancelled orders do not count, and days are business days. The sums in `customer_sales` are used as they are, except for
customers whose orders changed since; those are recalculated here.
"""

import re
from collections.abc import Sequence
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
_IS_FREE = "NOT is_barred AND (called_at IS NULL OR called_at < $6 OR call_back_on <= $1::date)"
_IS_MEMBER = f"{_IS_IN_RANGE} AND {_IS_FREE}"
_LIMIT = "LIMIT $7::bigint OFFSET $8::bigint"
_IS_KEPT = "customer_id NOT IN (SELECT customer_id FROM changed)"
# The stored sums of customers in `changed` are outdated; `fresh` has the current ones. The steps give the approximate
# rank of a worth or cycle among the stored ones; outdated values are subtracted and current ones added during the
# lookup, so that nothing needs to be sorted. The median is the smallest cycle that at least half of the cycles do not
# exceed: the search starts at the last step with too few. The steps' arrays are not modified, so that they are
# decompressed only once and not for each lookup.
_GROUND = f"""
WITH changed AS MATERIALIZED ({CHANGED.format(sales="customer_sales_change", calls="customer_call_change")}),
fresh AS MATERIALIZED ({FRESH.format(zone="$2::text")}),
old AS MATERIALIZED (SELECT s.* FROM customer_sales AS s JOIN changed USING (customer_id)),
steps AS MATERIALIZED (
  SELECT apart, customers, known_cycles, worths || '{{}}' AS worths, worths_through || '{{}}' AS worths_through,
    cycles || '{{}}' AS cycles, cycles_through || '{{}}' AS cycles_through
  FROM (
    SELECT apart, customers, known_cycles, worths, worths_through, cycles, cycles_through FROM customer_sales_steps
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
  ) AS s {{with_owed}}
),
counted AS (SELECT count(*) AS total FROM members),
chosen AS ({{chosen}}),
"""  # noqa: S608 - the same
_COUNTED = f"""
counted AS (
  SELECT (SELECT count(*) FROM customer_sales WHERE {_IS_MEMBER}) - (SELECT count(*) FROM old WHERE {_IS_MEMBER})
    + (SELECT count(*) FROM fresh WHERE {_IS_MEMBER}) AS total
),
"""  # noqa: S608 - the same
# A weight is between 0.5 and 1.5: a customer who would not come before the last of the page even with the largest
# weight is not on the page. On each day the shortest cycles come first, so `likely` has as many of a day as could be on
# the page, and the smallest priority of those is the minimum for all others.
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
      SELECT s.customer_id, s.worth, r.days_since, s.own_cycle FROM reaching AS r JOIN customer_sales AS s
        ON s.last_day = r.day AND s.own_cycle <= r.cycle AND s.order_count >= $5 AND {_IS_FREE}
      UNION ALL
      SELECT s.customer_id, s.worth, r.days_since, NULL FROM reaching AS r JOIN customer_sales AS s
        ON s.last_day = r.day AND s.own_cycle IS NULL AND s.order_count >= $5 AND {_IS_FREE}
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
_CALLEES = """
SELECT p.customer_id, c.phone, c.shipping_zip AS zip, c.shipping_state AS state
FROM placed AS p JOIN customer AS c ON c.id = p.customer_id ORDER BY {order}
"""
_ALL = "SELECT * FROM members"
_THESE = "SELECT * FROM members WHERE customer_id = ANY($7::bigint[])"
# What a filter by credit status needs for all customers.
_OWED_BY_ALL = f"""
owed AS MATERIALIZED (SELECT customer_id, owes AS balance FROM ({SELECT_OWING}) AS s),
"""  # noqa: S608 - the same
_HAS_STATUS = """${place}::text = CASE WHEN c.payment_terms <> 'net30' THEN 'no_terms'
  WHEN coalesce(owed.balance, 0) <= c.credit_limit THEN 'good' ELSE 'overdue' END"""


async def list_members(
    connection: asyncpg.Connection, asked: QueueQuery, *, timezone: ZoneInfo
) -> tuple[list[Member], int]:
    """Return one page of the queue, and the number of its members."""
    before = (asked.page - 1) * asked.limit
    is_filtered = asked.credit_status is not None or bool(_read_search(asked))
    if asked.sort is not QueueSort.PRIORITY:
        chosen = f"{_ALL} ORDER BY {_ORDER_BY[asked.sort]} {_LIMIT}" if is_filtered else None
        ranks, limit = CHOSEN + COUNTED_PLACES, ""
    else:
        chosen = _ALL if is_filtered else None
        ranks = NEAR + (COUNTED_PLACES if before + asked.limit <= MOST_COUNTED else ALL_PLACES)
        limit = _LIMIT
    values = [asked.limit, before]
    rows = await _fetch(connection, _PAGE, asked, timezone, chosen=chosen, ranks=ranks, limit=limit, values=values)
    return [_read_member(row) for row in rows if row["customer_id"] is not None], rows[0]["total"]


async def list_callees(
    connection: asyncpg.Connection, asked: QueueQuery, *, timezone: ZoneInfo
) -> list[asyncpg.Record]:
    """Return all members of the queue in order, with the data that decides whether they may be called now."""
    return await _fetch(connection, _CALLEES, asked, timezone, chosen=_ALL, ranks=CHOSEN + ALL_PLACES)


async def list_these_members(
    connection: asyncpg.Connection, asked: QueueQuery, ids: Sequence[int], *, timezone: ZoneInfo
) -> list[Member]:
    """Return the members with these ids, in the order of the queue."""
    ranks = CHOSEN + COUNTED_PLACES
    rows = await _fetch(connection, _PAGE, asked, timezone, chosen=_THESE, ranks=ranks, values=[list(ids)])
    return [_read_member(row) for row in rows if row["customer_id"] is not None]


async def _fetch(
    connection: asyncpg.Connection,
    shown: str,
    asked: QueueQuery,
    timezone: ZoneInfo,
    *,
    chosen: str | None,
    ranks: str,
    limit: str = "",
    values: Sequence[Any] = (),
) -> list[asyncpg.Record]:
    """Read `shown` for those members who are `chosen`; None means the requested page, found by index.

    `ranks` are the CTEs that calculate the weights.
    """
    today = business_today(timezone)
    since = start_of_business_day(today - timedelta(days=asked.cooldown_days - 1), timezone)
    days = (asked.min_days_since_order, asked.max_days_since_order)
    sent = [today, timezone.key, *days, asked.min_order_count, since, *values]
    owed = joins = ""
    conditions: list[str] = []
    if asked.credit_status is not None:
        sent.append(asked.credit_status)
        owed, joins = _OWED_BY_ALL, "LEFT JOIN owed ON owed.customer_id = c.id"
        conditions.append(_HAS_STATUS.format(place=len(sent)))
    if wanted := _read_search(asked):
        sent.append(_find_patterns(wanted))
        conditions.append(f"c.search_text LIKE ALL (${len(sent)}::text[])")
    with_owed = f"JOIN customer AS c ON c.id = s.customer_id {joins} WHERE {' AND '.join(conditions)}"
    if chosen is not None:
        members = _EVERY_MEMBER.format(chosen=chosen, owed=owed, with_owed=with_owed if conditions else "")
    elif asked.sort is QueueSort.PRIORITY:
        members = _FIRST_MEMBERS
    else:
        members = _SORTED_MEMBERS.format(sorted=_SORTED_BY[asked.sort])
    order = _ORDER_BY[asked.sort]
    statement = _GROUND + members + ranks + (_PLACED + shown).format(order=order, limit=limit)
    rows: list[asyncpg.Record] = await connection.fetch(statement, *sent)
    return rows


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
