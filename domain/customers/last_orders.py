"""On which business day each customer ordered last, as the list filters and sorts by it.

The days are those of `customer_sales`, which an index finds; customers whose orders changed since its last fold are
few, and theirs are read from the orders themselves, so that the list is exact at any moment.
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
# Which customers are meant, as a condition on the column that names them.
Theirs = Callable[[ColumnElement[int]], ColumnElement[bool]]


def is_changed(customer_id: ColumnElement[Any], among: Theirs | None = None) -> ColumnElement[bool]:
    """An order of the customer changed since the last fold, so that what is kept is not true any more.

    `among` narrows the changes to those of the customers that are asked about.
    """
    changed = select(_CHANGED.customer_id)
    return customer_id.in_(changed if among is None else changed.where(among(_CHANGED.customer_id)))


def is_unchanged() -> ColumnElement[bool]:
    """The kept day of a customer is still true."""
    return ~is_changed(KEPT.customer_id)


# One object, since one statement may ask for it in several places.
@cache
def find_fresh_days(timezone: tzinfo) -> CTE:
    """The customers whose orders changed since the last fold, with the day of the last one that counts."""
    day = cast(func.timezone(str(timezone), func.max(_ORDERS.created_at)), Date)
    changed = and_(is_changed(_ORDERS.customer_id), _ORDERS.status != OrderStatus.CANCELLED)
    days = select(_ORDERS.customer_id, day.label("last_day")).where(changed)
    return days.group_by(_ORDERS.customer_id).cte("fresh_days")


def select_last_days(timezone: tzinfo) -> CompoundSelect[Any]:
    """Everybody who ordered, with the day of the last order that counts."""
    fresh = find_fresh_days(timezone).c
    kept = select(KEPT.customer_id, KEPT.last_day).where(is_unchanged())
    return union_all(kept, select(fresh.customer_id, fresh.last_day))


def has_never_ordered(customer_id: ColumnElement[int], timezone: tzinfo) -> ColumnElement[bool]:
    """The customer has no order that counts."""
    kept = exists().where(KEPT.customer_id == customer_id, is_unchanged()).correlate_except(KEPT.customer_id.table)
    return and_(~kept, customer_id.not_in(select(find_fresh_days(timezone).c.customer_id)))
