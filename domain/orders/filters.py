"""The filters of lists of orders, and the SQL conditions for them.

Every condition can use an index with a million orders. Dates are business days.
"""

import re
from datetime import tzinfo
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from domain.access.own_orders import may_be_seen_by
from domain.kernel.actor import Actor
from domain.kernel.clock import business_day_bounds, start_of_business_day
from domain.kernel.inputs import DateIn, Id
from domain.kernel.paging import PageInput
from domain.kernel.texts import as_search_pattern
from models import Order, OrderItem, OrderStatus, PaymentStatus, columns_of

ORDERS = columns_of(Order)
ITEMS = columns_of(OrderItem)
# What the warehouse works on. Written exactly like the condition of ix_orders_to_ship: with IN, PostgreSQL does not use
# that index.
IS_ACTIVE: ColumnElement[bool] = or_(
    ORDERS.status == "confirmed",
    ORDERS.status == "packed",
    and_(ORDERS.status == "pending", ~ORDERS.on_hold),
)
IS_UNPICKED = and_(ORDERS.set_aside_at.is_(None), ORDERS.status != OrderStatus.PACKED, ORDERS.picked_at.is_(None))
# A search with other characters than these is not for a phone number.
_PHONE = re.compile(r"[\d\s().+-]{3,}")


class PaymentFilter(StrEnum):
    """The payment statuses by which a list can be filtered. Part paid is an unpaid order with some money paid."""

    UNPAID = "unpaid"
    PART_PAID = "part_paid"
    PENDING_REVIEW = "pending_review"
    PAID = "paid"
    FAILED = "failed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class OrderSort(StrEnum):
    """The sort orders of a list; both use the same index."""

    NEWEST = "-placed"
    OLDEST = "placed"


class OrderFilters(PageInput):
    """The filters of a list of orders. The first fields are used by the JSON API, the others only by the pages."""

    status: OrderStatus | None = None
    from_date: DateIn | None = None
    to_date: DateIn | None = None
    rep_id: Id | None = None
    search: Annotated[str, StringConstraints(max_length=200)] | None = None

    on_hold: bool | None = None
    cancelled: bool | None = None
    marked: bool | None = None
    attention: bool | None = None
    payment: PaymentFilter | None = None
    customer_id: Id | None = None
    sort: OrderSort = OrderSort.NEWEST


class OrderWalk(OrderFilters):
    """The same filters for programs that read a whole list: each page begins after the previous page's last order."""

    after: Id | None = None
    """The id of the last order of the page before: the list continues after it, and `page` stays 1. The cost does not
    depend on the position in the list, and orders placed in the meantime cause no duplicates or omissions."""


def needs_attention() -> ColumnElement[bool]:
    """The condition for orders that need a person: hold, attention, a check to review, or a failed payment."""
    return or_(
        ORDERS.on_hold,
        ORDERS.attention != "",
        ORDERS.payment_status.in_([PaymentStatus.FAILED, PaymentStatus.PENDING_REVIEW]),
    )


def conditions_of(
    filters: OrderFilters, *, visible_to: Actor, timezone: tzinfo, is_sku: bool = False
) -> list[ColumnElement[bool]]:
    """Return the conditions of a list. With `is_sku`, the search text must be the exact SKU of a line."""
    own = may_be_seen_by(visible_to)
    found = [] if own is None else [own]
    equal = {"status": ORDERS.status, "rep_id": ORDERS.sales_rep_id, "customer_id": ORDERS.customer_id}
    found += [column == getattr(filters, name) for name, column in equal.items() if getattr(filters, name) is not None]
    if filters.from_date is not None:
        found.append(ORDERS.created_at >= start_of_business_day(filters.from_date, timezone))
    if filters.to_date is not None:
        found.append(ORDERS.created_at < business_day_bounds(filters.to_date, timezone)[1])
    yes_or_no: dict[str, ColumnElement[bool]] = {
        "on_hold": ORDERS.on_hold,
        "cancelled": ORDERS.status == OrderStatus.CANCELLED,
        "marked": ORDERS.attention != "",
        "attention": needs_attention(),
    }
    for name, condition in yes_or_no.items():
        wanted: bool | None = getattr(filters, name)
        if wanted is not None:
            found.append(condition if wanted else ~condition)
    if filters.payment is not None:
        found.append(_payment_is(filters.payment))
    if filters.search:
        found.append(_holds_sku(filters.search) if is_sku else search_condition(filters.search))
    return found


def _payment_is(wanted: PaymentFilter) -> ColumnElement[bool]:
    if wanted is PaymentFilter.PART_PAID:
        return and_(ORDERS.payment_status == PaymentStatus.UNPAID, ORDERS.amount_paid > 0)
    if wanted is PaymentFilter.UNPAID:
        return and_(ORDERS.payment_status == PaymentStatus.UNPAID, ORDERS.amount_paid == 0)
    return ORDERS.payment_status == wanted


def _holds_sku(sku: str) -> ColumnElement[bool]:
    return ORDERS.id.in_(select(ITEMS.order_id).where(func.lower(ITEMS.product_sku) == sku.strip().lower()))


def ask_if_sku(text: str) -> Select[tuple[bool]]:
    """Return the statement that says whether any order contains exactly this SKU."""
    line = select(ITEMS.id).where(func.lower(ITEMS.product_sku) == text.strip().lower())
    return select(line.exists())


def search_condition(text: str) -> ColumnElement[bool]:
    """Search order number, name, company, email and phone; under three letters only the start of an order number."""
    wanted = text.strip().lower()
    digits = re.sub(r"\D", "", wanted)
    if _PHONE.fullmatch(wanted) and len(digits) >= 3:
        return ORDERS.search_text.like(f"%{digits.removeprefix('1') if len(digits) == 11 else digits}%")
    if not wanted:
        return false()
    pattern = as_search_pattern(wanted)
    if len(re.sub(r"\W", "", wanted)) < 3:
        # `search_text` begins with the order number, so that one comparison and the trigram index are enough.
        return ORDERS.search_text.like(f"{pattern}%")
    return and_(*(ORDERS.search_text.like(f"%{word}%") for word in pattern.split()))
