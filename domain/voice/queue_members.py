"""Who is due for an outbound reorder call, in which order: one statement over every customer with an order.

An order counts unless it is cancelled, and days are the business's. The sums of `customer_sales` are read as they are,
except for customers whose orders changed since: those are added up here.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import asyncpg
from pydantic import Field

from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.inputs import Input
from domain.kernel.paging import PageNumber
from domain.messages.suppression import callable_sql
from domain.voice.refresh_sales import ADD_UP

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


# What stands open on terms, as `domain/credit/exposure.py` has it for one customer.
OWED = """
SELECT o.customer_id, o.balance FROM orders AS o
WHERE o.on_terms AND NOT o.on_hold AND o.balance > 0 AND o.customer_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM invoice AS i WHERE i.order_id = o.id AND i.status IN ('sent', 'partly_paid', 'paid'))
UNION ALL
SELECT i.customer_id, i.balance FROM invoice AS i
WHERE i.status IN ('sent', 'partly_paid') AND i.customer_id IS NOT NULL
"""
_ORDER_BY = {
    QueueSort.PRIORITY: "priority DESC, customer_id",
    QueueSort.DAYS_DESC: "days_since DESC, customer_id",
    QueueSort.LTV_DESC: "lifetime_value DESC, customer_id",
}
# $1 today, $2 zone, $3-$4 days, $5 orders, $6 beginning of the cooldown, $7 credit status, $8 limit, $9 offset.
_MEMBERS = f"""
WITH changed AS MATERIALIZED (SELECT DISTINCT customer_id FROM customer_sales_change),
fresh AS (
  SELECT o.customer_id, {ADD_UP.format(zone="$2::text")}
  FROM changed JOIN orders AS o USING (customer_id) WHERE o.status <> 'cancelled' GROUP BY o.customer_id
),
sales AS MATERIALIZED (
  SELECT s.customer_id, s.order_count, s.order_days, s.first_day, s.last_day, s.lifetime_value
  FROM customer_sales AS s WHERE NOT EXISTS (SELECT FROM changed WHERE changed.customer_id = s.customer_id)
  UNION ALL
  SELECT customer_id, order_count, order_days, first_day, last_day, lifetime_value FROM fresh
),
typical AS (
  SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (
    ORDER BY greatest((last_day - first_day)::float8 / (order_days - 1), 1)
  ), {UNKNOWN_CYCLE}) AS cycle
  FROM sales WHERE order_days > 1
),
figures AS (
  SELECT s.*, $1::date - s.last_day AS days_since,
    CASE WHEN s.order_days > 1 THEN greatest((s.last_day - s.first_day)::float8 / (s.order_days - 1), 1)
      ELSE typical.cycle END AS cycle,
    0.5::float8 + percent_rank() OVER (ORDER BY s.lifetime_value::float8) AS weight
  FROM sales AS s, typical
),
recent AS MATERIALIZED (
  SELECT DISTINCT ON (customer_id) customer_id, outcome, callback_date FROM (
    SELECT l.customer_id, l.outcome, l.callback_date, l.created_at, l.id FROM outbound_call_log AS l
    WHERE l.created_at >= $6 AND l.customer_id IS NOT NULL
    UNION ALL
    SELECT c.id, l.outcome, l.callback_date, l.created_at, l.id
    FROM outbound_call_log AS l JOIN customer AS c ON c.phone = l.phone WHERE l.created_at >= $6
  ) AS logged ORDER BY customer_id, created_at DESC, id DESC
),
owed AS MATERIALIZED (
  SELECT customer_id, sum(balance) AS balance FROM ({OWED}) AS open GROUP BY customer_id
),
members AS (
  SELECT c.id AS customer_id, c.phone, c.first_name, c.last_name, c.company_name, c.shipping_zip AS zip,
    c.shipping_state AS state, f.order_count, f.order_days, f.first_day, f.last_day, f.lifetime_value, f.days_since,
    f.cycle, f.weight, f.days_since / f.cycle * f.weight AS priority, c.payment_terms, c.credit_limit,
    coalesce(owed.balance, 0) AS current_balance
  FROM figures AS f JOIN customer AS c ON c.id = f.customer_id LEFT JOIN owed ON owed.customer_id = c.id
  WHERE c.is_active AND c.phone IS NOT NULL AND NOT c.do_not_call AND {callable_sql("c.phone", "c.phone2")}
    AND f.days_since BETWEEN $3 AND $4 AND f.order_count >= $5
    AND NOT EXISTS (
      SELECT FROM recent AS r WHERE r.customer_id = c.id AND NOT coalesce(
        r.outcome IN ('interested_callback', 'busy_callback') AND r.callback_date <= $1::date, false)
    )
    AND ($7::text IS NULL OR $7 = CASE WHEN c.payment_terms <> 'net30' THEN 'no_terms'
      WHEN coalesce(owed.balance, 0) <= c.credit_limit THEN 'good' ELSE 'overdue' END)
)
SELECT t.total, p.* FROM (SELECT count(*) AS total FROM members) AS t
LEFT JOIN (SELECT * FROM members ORDER BY {{order}} LIMIT $8 OFFSET $9) AS p ON true
ORDER BY {{order}}
"""  # noqa: S608 - constants of this module and its neighbours


async def list_members(
    connection: asyncpg.Connection, asked: QueueQuery, *, timezone: ZoneInfo, whole: bool = False
) -> tuple[list[Member], int]:
    """One page of the queue, or with `whole` all of it, and how many it has."""
    today = business_today(timezone)
    since = start_of_business_day(today - timedelta(days=asked.cooldown_days - 1), timezone)
    rows = await connection.fetch(
        _MEMBERS.format(order=_ORDER_BY[asked.sort]),
        today,
        timezone.key,
        asked.min_days_since_order,
        asked.max_days_since_order,
        asked.min_order_count,
        since,
        asked.credit_status,
        None if whole else asked.limit,
        0 if whole else (asked.page - 1) * asked.limit,
    )
    total: int = rows[0]["total"]
    members = [
        Member(**{name: row[name] for name in Member.__dataclass_fields__})
        for row in rows
        if row["customer_id"] is not None
    ]
    return members, total


def credit_status_of(member: Member) -> CreditStatus:
    """The one word for a customer's terms."""
    if member.payment_terms != "net30":
        return CreditStatus.NO_TERMS
    return CreditStatus.GOOD if member.current_balance <= member.credit_limit else CreditStatus.OVERDUE
