"""The business day of each customer's last order, for filtering and sorting the list.

The days are those of `customer_sales`, which are indexed. For the few customers whose orders changed since its last
fold, the days are read from the orders themselves, so that the list is always exact.
"""

from collections.abc import Callable
from datetime import tzinfo
from functools import cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, CompoundSelect, Date, and_, cast, exists, func, select, union_all

from models import CustomerSales, CustomerSalesChange, Order, OrderStatus, columns_of

KEPT = columns_of(CustomerSales)
_CHANGED = columns_of(CustomerSalesChange)
_ORDERS = columns_of(Order)
# Which customers are meant, as a condition on the column with their id.
Theirs = Callable[[ColumnElement[int]], ColumnElement[bool]]


def is_changed(customer_id: ColumnElement[Any], among: Theirs | None = None) -> ColumnElement[bool]:
    """The condition that an order of the customer changed since the last fold, so that the stored values are outdated.

    `among` limits the changes to those of the customers in question.
    """
    changed = select(_CHANGED.customer_id)
    return customer_id.in_(changed if among is None else changed.where(among(_CHANGED.customer_id)))


def is_unchanged() -> ColumnElement[bool]:
    """The condition that a customer's stored day is still valid."""
    return ~is_changed(KEPT.customer_id)


# A single object, because one statement may use it in several places.
@cache
def find_fresh_days(timezone: tzinfo) -> CTE:
    """Return the customers whose orders changed since the last fold, with the day of their last order that counts."""
    day = cast(func.timezone(str(timezone), func.max(_ORDERS.created_at)), Date)
    changed = and_(is_changed(_ORDERS.customer_id), _ORDERS.status != OrderStatus.CANCELLED)
    days = select(_ORDERS.customer_id, day.label("last_day")).where(changed)
    return days.group_by(_ORDERS.customer_id).cte("fresh_days")


def select_last_days(timezone: tzinfo) -> CompoundSelect[Any]:
    """Return all customers who ordered, with the day of their last order that counts."""
    fresh = find_fresh_days(timezone).c
    kept = select(KEPT.customer_id, KEPT.last_day).where(is_unchanged())
    return union_all(kept, select(fresh.customer_id, fresh.last_day))


def has_never_ordered(customer_id: ColumnElement[int], timezone: tzinfo) -> ColumnElement[bool]:
    """The condition that a customer has no order that counts."""
    kept = exists().where(KEPT.customer_id == customer_id, is_unchanged()).correlate_except(KEPT.customer_id.table)
    return and_(~kept, customer_id.not_in(select(find_fresh_days(timezone).c.customer_id)))
