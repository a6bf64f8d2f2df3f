"""What customers have bought: orders that were not cancelled, counted and added up by index, a batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select

from domain.customers.rows import Reader
from domain.kernel.money import ZERO
from models import Order, OrderStatus, columns_of

ORDERS = columns_of(Order)


@dataclass(frozen=True, slots=True)
class Bought:
    """How many orders, worth how many US dollars together, and when the last one came."""

    order_count: int = 0
    total_spent: Decimal = ZERO
    last_order_at: datetime | None = None


NOTHING = Bought()


async def sum_orders_of(db: Reader, customer_ids: Sequence[int]) -> dict[int, Bought]:
    """The totals of those of the customers that have an order, in one statement."""
    if not customer_ids:
        return {}
    statement = (
        select(ORDERS.customer_id, func.count(), func.sum(ORDERS.total_amount), func.max(ORDERS.created_at))
        .where(ORDERS.customer_id.in_(list(customer_ids)), ORDERS.status != OrderStatus.CANCELLED)
        .group_by(ORDERS.customer_id)
    )
    return {row[0]: Bought(row[1], row[2], row[3]) for row in await db.execute(statement)}
