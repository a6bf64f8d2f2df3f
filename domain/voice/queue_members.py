"""Who is due for an outbound reorder call, in which order: one statement over every customer with an order.

An order counts unless it is cancelled, and days are the business's. The sums of `customer_sales` are read as they are,
except for customers whose orders changed since: those are added up here.
"""

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
from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.inputs import Input
from domain.kernel.paging import PageNumber
from domain.messages.suppression import callable_sql
from domain.voice.queue_details import NEWEST_CALL
from domain.voice.refresh_sales import ADD_UP
from models.customer_sales import OWN_CYCLE, WORTH

MOST_DAYS = 36_500
# The cycle of a customer with one order day while nobody has a cycle of their own, days.
UNKNOWN_CYCLE = 30


class QueueSort(StrEnum):
    """The orders in which the queue can be read."""

    PRIORITY = "priority"
    DAYS_DESC = "days_desc"
    LTV_DESC = "ltv_desc"


class CreditStatus(StrEnum):
    """How a customer stands on terms, as the queue has it."""

    GOOD = "good"
    OVERDUE = "overdue"
    NO_TERMS = "no_terms"


Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]


class QueueQuery(Input):
    """Which part of the queue is wanted."""

    min_days_since_order: Days = 14
    """The last order lies at least so many days back."""
    max_days_since_order: Days = 180
    """And at most so many."""
    min_order_count: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """At least so many orders."""
    cooldown_days: Days = 10
    """Nobody whose call was logged within so many days, unless a callback is due."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    """How many customers a page has, at most 200."""
    page: PageNumber = 1
    """The page, from 1."""
    sort: QueueSort = QueueSort.PRIORITY
    """priority, days_desc or ltv_desc."""
    credit_status: CreditStatus | None = None
    """good, overdue or no_terms; absent is all."""
    callable_now: bool | None = None
    """True leaves only those who may be called at this moment."""


@dataclass(frozen=True, slots=True)
class Member:
    """One customer of the queue with the figures that made the priority."""

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
_OWED_BY_EACH = OWED_ROWS.format(whose_orders="o.customer_id IS NOT NULL", whose_invoices="i.customer_id IS NOT NULL")
_ORDER_BY = {
    QueueSort.PRIORITY: "priority DESC, customer_id",
    QueueSort.DAYS_DESC: "days_since DESC, customer_id",
    QueueSort.LTV_DESC: "worth DESC, customer_id",
}
_IS_CALLBACK_DUE = "outcome IN ('interested_callback', 'busy_callback') AND callback_date <= $1::date"
# $1 today, $2 zone, $3-$4 days, $5 orders, $6 beginning of the cooldown, then what a page takes and the credit status.
# All sums are sorted once for the ranks (`worths`) and once for the median; only a page is joined with its customers'
# columns. The CASE keeps the planner from taking the range for a hundredth of what it is.
_IS_IN_RANGE = "CASE WHEN $1::date - last_day BETWEEN $3 AND $4 AND order_count >= $5 THEN true ELSE false END"
_SUMS = "customer_id, order_count, order_days, first_day, last_day, lifetime_value, own_cycle, worth"
_MEMBERS = f"""
WITH changed AS MATERIALIZED (SELECT DISTINCT customer_id FROM customer_sales_change),
summed AS (
  SELECT o.customer_id, {ADD_UP.format(zone="$2::text")}
  FROM changed JOIN orders AS o USING (customer_id) WHERE o.status <> 'cancelled' GROUP BY o.customer_id
),
fresh AS MATERIALIZED (SELECT summed.*, {OWN_CYCLE} AS own_cycle, {WORTH} AS worth FROM summed),
sales AS NOT MATERIALIZED (
  SELECT {_SUMS} FROM customer_sales WHERE customer_id NOT IN (SELECT customer_id FROM changed)
  UNION ALL SELECT {_SUMS} FROM fresh
),
everybody AS MATERIALIZED (
  SELECT count(*) AS customers, array_agg(-worth ORDER BY -worth) AS worths,
    coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY own_cycle), {UNKNOWN_CYCLE}) AS cycle
  FROM sales
),
callback AS MATERIALIZED (
  SELECT customer_id, phone FROM outbound_call_log WHERE created_at >= $6 AND {_IS_CALLBACK_DUE}
),
due AS MATERIALIZED (
  SELECT c.id FROM (
    SELECT customer_id AS id FROM callback
    UNION SELECT p.id FROM callback AS b JOIN customer AS p ON p.phone = b.phone
  ) AS called JOIN customer AS c USING (id) CROSS JOIN LATERAL ({NEWEST_CALL}) AS newest WHERE {_IS_CALLBACK_DUE}
),
{{owed}}
members AS MATERIALIZED (
  SELECT s.customer_id, s.worth, $1::date - s.last_day AS days_since,
    coalesce(s.own_cycle, (SELECT cycle FROM everybody)) AS cycle
  FROM sales AS s JOIN customer AS c ON c.id = s.customer_id
  LEFT JOIN (SELECT DISTINCT customer_id FROM outbound_call_log WHERE created_at >= $6) AS by_id
    ON by_id.customer_id = c.id
  LEFT JOIN (SELECT DISTINCT phone FROM outbound_call_log WHERE created_at >= $6) AS by_phone
    ON by_phone.phone = c.phone
  {{with_owed}}
  WHERE {_IS_IN_RANGE}
    AND c.is_active AND c.phone IS NOT NULL AND NOT c.do_not_call AND {callable_sql("c.phone", "c.phone2")}
    AND ((by_id.customer_id IS NULL AND by_phone.phone IS NULL) OR c.id IN (SELECT id FROM due))
    {{credit}}
),
chosen AS ({{chosen}}),
ranked AS (
  SELECT m.*, 0.5::float8 + CASE WHEN e.customers = 1 THEN 0
    ELSE (e.customers - width_bucket(-m.worth, e.worths))::float8 / (e.customers - 1) END AS weight
  FROM chosen AS m CROSS JOIN everybody AS e
),
placed AS MATERIALIZED (SELECT *, days_since / cycle * weight AS priority FROM ranked ORDER BY {{order}} {{limit}})
"""  # noqa: S608 - constants of this module and its neighbours
_PAGE = f"""
SELECT t.total, p.*, s.order_count, s.order_days, s.first_day, s.last_day, s.lifetime_value, c.phone, c.first_name,
  c.last_name, c.company_name, c.shipping_zip AS zip, c.shipping_state AS state, c.payment_terms, c.credit_limit,
  coalesce(owed.balance, 0) AS current_balance
FROM (SELECT count(*) AS total FROM members) AS t LEFT JOIN (
  placed AS p JOIN sales AS s USING (customer_id) JOIN customer AS c ON c.id = p.customer_id
  LEFT JOIN LATERAL (SELECT sum(balance) AS balance FROM ({_OWED_BY_ONE}) AS o) AS owed ON true
) ON true
ORDER BY {{order}}
"""  # noqa: S608 - the same
_CALLEES = """
SELECT p.customer_id, c.phone, c.shipping_zip AS zip, c.shipping_state AS state
FROM placed AS p JOIN customer AS c ON c.id = p.customer_id ORDER BY {order}
"""
_ALL = "SELECT * FROM members"
_LIMIT = "LIMIT $7::bigint OFFSET $8::bigint"
# A weight lies between a half and one and a half: who would not come before the last of the page even with the greatest
# is not on it, so that few need their rank.
_FIRST_BY_PRIORITY = """
SELECT * FROM members WHERE days_since / cycle * 1.5 >= coalesce((
  SELECT days_since / cycle * 0.5 FROM members ORDER BY days_since / cycle DESC
  OFFSET $7::bigint + $8::bigint - 1 LIMIT 1
), 0)
"""
_THESE = "SELECT * FROM members WHERE customer_id = ANY($7::bigint[])"
# What a filter by credit needs of everybody.
_OWED_BY_ALL = f"""
owed AS MATERIALIZED (SELECT customer_id, sum(balance) AS balance FROM ({_OWED_BY_EACH}) AS o GROUP BY customer_id),
"""  # noqa: S608 - the same
_HAS_STATUS = """AND ${place}::text = CASE WHEN c.payment_terms <> 'net30' THEN 'no_terms'
  WHEN coalesce(owed.balance, 0) <= c.credit_limit THEN 'good' ELSE 'overdue' END"""


async def list_members(
    connection: asyncpg.Connection, asked: QueueQuery, *, timezone: ZoneInfo
) -> tuple[list[Member], int]:
    """One page of the queue, and how many members it has."""
    chosen, limit = _FIRST_BY_PRIORITY, _LIMIT
    if asked.sort is not QueueSort.PRIORITY:
        chosen, limit = f"{_ALL} ORDER BY {_ORDER_BY[asked.sort]} {_LIMIT}", ""
    values = [asked.limit, (asked.page - 1) * asked.limit]
    rows = await _fetch(connection, _PAGE, asked, timezone, chosen=chosen, limit=limit, values=values)
    return [_read_member(row) for row in rows if row["customer_id"] is not None], rows[0]["total"]


async def list_callees(
    connection: asyncpg.Connection, asked: QueueQuery, *, timezone: ZoneInfo
) -> list[asyncpg.Record]:
    """Everybody on the queue in its order, with what says whether they may be called now."""
    return await _fetch(connection, _CALLEES, asked, timezone, chosen=_ALL)


async def list_these_members(
    connection: asyncpg.Connection, asked: QueueQuery, ids: Sequence[int], *, timezone: ZoneInfo
) -> list[Member]:
    """Those of the queue with these ids, in its order."""
    rows = await _fetch(connection, _PAGE, asked, timezone, chosen=_THESE, values=[list(ids)])
    return [_read_member(row) for row in rows if row["customer_id"] is not None]


async def _fetch(
    connection: asyncpg.Connection,
    shown: str,
    asked: QueueQuery,
    timezone: ZoneInfo,
    *,
    chosen: str,
    limit: str = "",
    values: Sequence[Any] = (),
) -> list[asyncpg.Record]:
    today = business_today(timezone)
    since = start_of_business_day(today - timedelta(days=asked.cooldown_days - 1), timezone)
    days = (asked.min_days_since_order, asked.max_days_since_order)
    sent = [today, timezone.key, *days, asked.min_order_count, since, *values]
    by_credit = {"owed": "", "with_owed": "", "credit": ""}
    if asked.credit_status is not None:
        sent.append(asked.credit_status)
        is_joined = "LEFT JOIN owed ON owed.customer_id = c.id"
        by_credit = {"owed": _OWED_BY_ALL, "with_owed": is_joined, "credit": _HAS_STATUS.format(place=len(sent))}
    order = _ORDER_BY[asked.sort]
    statement = (_MEMBERS + shown).format(order=order, chosen=chosen, limit=limit, **by_credit)
    rows: list[asyncpg.Record] = await connection.fetch(statement, *sent)
    return rows


def _read_member(row: asyncpg.Record) -> Member:
    return Member(**{name: row[name] for name in Member.__dataclass_fields__})


def credit_status_of(member: Member) -> CreditStatus:
    """The one word for a customer's terms."""
    if member.payment_terms != "net30":
        return CreditStatus.NO_TERMS
    return CreditStatus.GOOD if member.current_balance <= member.credit_limit else CreditStatus.OVERDUE
