"""The totals of customers' orders, without cancelled ones, counted by index, a batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from sqlalchemy import bindparam, func, select, text

from domain.customers.rows import Reader
from domain.kernel.money import ZERO
from models import Order, OrderStatus, columns_of

ORDERS = columns_of(Order)


# The median of the days between order days, for customers with at least three order days.
_GAPS = text("""
SELECT customer_id, greatest(round(percentile_cont(0.5) WITHIN GROUP (ORDER BY gap)), 1)::int AS gap
FROM (
  SELECT customer_id, day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap
  FROM (
    SELECT DISTINCT customer_id, (created_at AT TIME ZONE :zone)::date AS day FROM orders
    WHERE customer_id IN :ids AND status <> 'cancelled'
  ) AS days
) AS gaps
WHERE gap IS NOT NULL GROUP BY customer_id HAVING count(*) > 1
""").bindparams(bindparam("ids", expanding=True))


# The median of the days from an order on terms to the payment that settled it, for the newest fifty.
_PAYS_AFTER = text("""
SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY days))::int FROM (
  SELECT extract(epoch FROM max(p.created_at) - o.created_at) / 86400 AS days
  FROM orders AS o JOIN payment AS p ON p.order_id = o.id AND p.amount > 0
  WHERE o.customer_id = :customer AND o.on_terms AND o.payment_status = 'paid' AND o.status <> 'cancelled'
  GROUP BY o.id, o.created_at ORDER BY o.created_at DESC, o.id DESC LIMIT 50
) AS settled
""")


@dataclass(frozen=True, slots=True)
class Bought:
    """The number of orders, their sum in US dollars, and the time of the last one."""

    order_count: int = 0
    total_spent: Decimal = ZERO
    last_order_at: datetime | None = None


NOTHING = Bought()


async def sum_orders_of(db: Reader, customer_ids: Sequence[int]) -> dict[int, Bought]:
    """Return the totals of those customers who have orders, in one statement."""
    if not customer_ids:
        return {}
    statement = (
        select(ORDERS.customer_id, func.count(), func.sum(ORDERS.total_amount), func.max(ORDERS.created_at))
        .where(ORDERS.customer_id.in_(list(customer_ids)), ORDERS.status != OrderStatus.CANCELLED)
        .group_by(ORDERS.customer_id)
    )
    return {row[0]: Bought(row[1], row[2], row[3]) for row in await db.execute(statement)}


async def find_usual_gaps(db: Reader, customer_ids: Sequence[int], timezone: tzinfo) -> dict[int, int]:
    """Return the usual gap in days of each customer who has one, in one statement."""
    if not customer_ids:
        return {}
    rows = await db.execute(_GAPS, {"ids": list(customer_ids), "zone": str(timezone)})
    return {row.customer_id: row.gap for row in rows}


async def find_days_to_pay(db: Reader, customer_id: int) -> int | None:
    """Return the number of days after which a customer usually pays an order on terms; None if none is paid."""
    days: int | None = (await db.execute(_PAYS_AFTER, {"customer": customer_id})).scalar_one()
    return days
