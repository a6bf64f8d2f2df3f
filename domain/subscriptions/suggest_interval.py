"""Suggests an interval for a customer from the gaps between their order days."""

from dataclasses import dataclass
from datetime import date, tzinfo
from itertools import pairwise
from statistics import mean, median, pstdev

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Input, Text60
from models import Customer, Order, OrderItem, OrderStatus, Role

MOST_DAYS = 50


class SuggestInterval(Input):
    """The product whose orders count; by default all orders do."""

    sku: Text60 | None = None


@dataclass(frozen=True, slots=True)
class IntervalSuggestion:
    """The order days, newest first, and what their gaps suggest. Days are business days."""

    order_count: int
    order_dates: list[date]
    avg_interval_days: float | None
    suggested_interval_days: int | None
    last_order_date: date | None
    confidence: str


async def suggest_interval(
    db: AsyncConnection, customer_id: int, asked: SuggestInterval, *, timezone: tzinfo, visible_to: Actor
) -> IntervalSuggestion:
    """Return the median gap of the newest order days, within 7 to 365, and how reliable it is.

    Raises NotFound for an unknown customer, also if the rep may not see them.
    """
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    owner = (await db.execute(select(Customer.sales_rep_id).where(Customer.id == customer_id))).first()
    if owner is None or (visible_to.has_role(Role.SALES_REP) and owner[0] != visible_to.id):
        raise NotFound("There is no such customer.")
    day = func.date(func.timezone(str(timezone), Order.created_at))
    statement = select(day).where(Order.customer_id == customer_id, Order.status != OrderStatus.CANCELLED).distinct()
    if asked.sku:
        lines = select(OrderItem.order_id).where(func.lower(OrderItem.product_sku) == asked.sku.lower())
        statement = statement.where(Order.id.in_(lines))
    rows = await db.execute(statement.order_by(day.desc()).limit(MOST_DAYS))
    return read_gaps([row[0] for row in rows])


def read_gaps(days: list[date]) -> IntervalSuggestion:
    """Return what the gaps between these days, newest first, suggest.

    Confidence: none below two days, low below four, high for at least six regular days (standard deviation within a
    quarter of the mean), otherwise medium.
    """
    gaps = [(later - earlier).days for later, earlier in pairwise(days)]
    if not gaps:
        return IntervalSuggestion(len(days), days, None, None, days[0] if days else None, "none")
    average = mean(gaps)
    is_regular = pstdev(gaps) <= average / 4
    confidence = "low" if len(days) < 4 else "high" if len(days) >= 6 and is_regular else "medium"
    suggested = min(max(round(median(gaps)), 7), 365)
    return IntervalSuggestion(len(days), days, round(average, 1), suggested, days[0], confidence)
