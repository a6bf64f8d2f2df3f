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
    QueueSort.LTV_DESC: "lifetime_value DESC, customer_id",
}
_IS_CALLBACK_DUE = "outcome IN ('interested_callback', 'busy_callback') AND callback_date <= $1::date"
# $1 today, $2 zone, $3-$4 days, $5 orders, $6 beginning of the cooldown, $7-$8 limit and offset, $9 credit status.
# All sums are read once, sorted once for the ranks (`worths`) and once for the median; only a page is joined
# with its customers' columns. The CASE keeps the planner from taking the range for a hundredth of what it is.
_MEMBERS = f"""
WITH changed AS MATERIALIZED (SELECT DISTINCT customer_id FROM customer_sales_change),
fresh AS (
  SELECT o.customer_id, {ADD_UP.format(zone="$2::text")}
  FROM changed JOIN orders AS o USING (customer_id) WHERE o.status <> 'cancelled' GROUP BY o.customer_id
),
sales AS MATERIALIZED (
  SELECT s.customer_id, s.order_count, s.order_days, s.first_day, s.last_day, s.lifetime_value, s.own_cycle, s.worth
  FROM customer_sales AS s WHERE NOT EXISTS (SELECT FROM changed WHERE changed.customer_id = s.customer_id)
  UNION ALL
  SELECT customer_id, order_count, order_days, first_day, last_day, lifetime_value, {OWN_CYCLE}, {WORTH} FROM fresh
),
everybody AS MATERIALIZED (
  SELECT count(*) AS customers, array_agg(-worth ORDER BY -worth) AS worths,
    coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY own_cycle), {UNKNOWN_CYCLE}) AS cycle
  FROM sales
),
logged AS MATERIALIZED (SELECT customer_id, phone FROM outbound_call_log WHERE created_at >= $6),
callback AS MATERIALIZED (
  SELECT customer_id, phone FROM outbound_call_log WHERE created_at >= $6 AND {_IS_CALLBACK_DUE}
),
due AS MATERIALIZED (
  SELECT c.id FROM (
    SELECT customer_id AS id FROM callback
    UNION SELECT p.id FROM callback AS b JOIN customer AS p ON p.phone = b.phone
  ) AS called JOIN customer AS c USING (id) CROSS JOIN LATERAL ({NEWEST_CALL}) AS newest WHERE {_IS_CALLBACK_DUE}
),
figures AS (
  SELECT s.*, $1::date - s.last_day AS days_since, coalesce(s.own_cycle, e.cycle) AS cycle,
    0.5::float8 + CASE WHEN e.customers = 1 THEN 0
      ELSE (e.customers - width_bucket(-s.worth, e.worths))::float8 / (e.customers - 1) END AS weight
  FROM sales AS s, everybody AS e
  WHERE CASE WHEN $1::date - s.last_day BETWEEN $3 AND $4 AND s.order_count >= $5 THEN true ELSE false END
),
{{owed}}
members AS MATERIALIZED (
  SELECT f.*, f.days_since / f.cycle * f.weight AS priority
  FROM figures AS f JOIN customer AS c ON c.id = f.customer_id {{with_owed}}
  WHERE c.is_active AND c.phone IS NOT NULL AND NOT c.do_not_call AND {callable_sql("c.phone", "c.phone2")}
    AND ((c.id NOT IN (SELECT customer_id FROM logged WHERE customer_id IS NOT NULL)
        AND c.phone NOT IN (SELECT phone FROM logged))
      OR c.id IN (SELECT id FROM due))
    {{credit}}
),
page AS MATERIALIZED (SELECT * FROM members ORDER BY {{order}} LIMIT $7 OFFSET $8)
SELECT t.total, p.*, c.phone, c.first_name, c.last_name, c.company_name, c.shipping_zip AS zip,
  c.shipping_state AS state, c.payment_terms, c.credit_limit, coalesce(owed.balance, 0) AS current_balance
FROM (SELECT count(*) AS total FROM members) AS t LEFT JOIN (
  page AS p JOIN customer AS c ON c.id = p.customer_id
  LEFT JOIN LATERAL (SELECT sum(balance) AS balance FROM ({_OWED_BY_ONE}) AS o) AS owed ON true
) ON true
ORDER BY {{order}}
"""  # noqa: S608 - constants of this module and its neighbours
# What a filter by credit needs of everybody.
_OWED_BY_ALL = f"""
owed AS MATERIALIZED (SELECT customer_id, sum(balance) AS balance FROM ({_OWED_BY_EACH}) AS o GROUP BY customer_id),
"""  # noqa: S608 - the same
_HAS_STATUS = """AND $9::text = CASE WHEN c.payment_terms <> 'net30' THEN 'no_terms'
  WHEN coalesce(owed.balance, 0) <= c.credit_limit THEN 'good' ELSE 'overdue' END"""


async def list_members(
    connection: asyncpg.Connection, asked: QueueQuery, *, timezone: ZoneInfo, whole: bool = False
) -> tuple[list[Member], int]:
    """One page of the queue, or with `whole` all of it, and how many it has."""
    today = business_today(timezone)
    since = start_of_business_day(today - timedelta(days=asked.cooldown_days - 1), timezone)
    is_by_credit = asked.credit_status is not None
    rows = await connection.fetch(
        _MEMBERS.format(
            order=_ORDER_BY[asked.sort],
            owed=_OWED_BY_ALL if is_by_credit else "",
            with_owed="LEFT JOIN owed ON owed.customer_id = c.id" if is_by_credit else "",
            credit=_HAS_STATUS if is_by_credit else "",
        ),
        today,
        timezone.key,
        asked.min_days_since_order,
        asked.max_days_since_order,
        asked.min_order_count,
        since,
        None if whole else asked.limit,
        0 if whole else (asked.page - 1) * asked.limit,
        *([asked.credit_status] if is_by_credit else []),
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
