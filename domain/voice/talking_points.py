"""What to say first to a customer on the outbound queue: at most three sentences, with fixed wording and order."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

LOYAL_FROM = 10
RETURNING_FROM = 2
MOST = 3


def choose_talking_points(
    *,
    days_since_last_order: int,
    reorder_candidates: Sequence[str],
    order_count: int,
    average_order_value: Decimal,
    top_categories: Sequence[str],
    free_delivery_minimum: Decimal,
) -> list[str]:
    """Return the sentences for one customer, most important first."""
    points = []
    if reorder_candidates:
        days = f"{days_since_last_order} day{'' if days_since_last_order == 1 else 's'}"
        points.append(f"Last order was {days} ago — may be running low on {reorder_candidates[0]}")
    if order_count >= LOYAL_FROM:
        points.append(f"Loyal customer with {order_count} orders — offer volume discount")
    elif order_count >= RETURNING_FROM:
        points.append(f"Returning customer with {order_count} orders")
    if average_order_value < free_delivery_minimum:
        average, free_from = whole_dollars(average_order_value), whole_dollars(free_delivery_minimum)
        points.append(f"Average order {average} — suggest bundling to {free_from} for free delivery")
    elif top_categories:
        points.append(f"Top categories: {', '.join(top_categories)}")
    return points[:MOST]


def whole_dollars(amount: Decimal) -> str:
    """Return an amount in whole dollars, as it is said: "$1,210"."""
    return f"${amount.quantize(Decimal(1), ROUND_HALF_UP):,}"
