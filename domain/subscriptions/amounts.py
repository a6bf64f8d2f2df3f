"""The amounts of the next renewals at today's prices in SQL, with the same formula as `quote_renewal`."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, func
from sqlalchemy.orm import aliased

from domain.orders.rules import OrderRules
from models import Product, Subscription

# The product of the next renewal: the substitute, if the customer has agreed to it.
SOLD = aliased(Product, name="sold")
IS_SOLD: ColumnElement[bool] = SOLD.id == case(
    (and_(Subscription.substitute_id.is_not(None), Subscription.substitute_agreed), Subscription.substitute_id),
    else_=Subscription.product_id,
)


def next_amount(rules: OrderRules) -> ColumnElement[Any]:
    """Return today's price × quantity less the discount, rounded half up once, plus the delivery fee, in US dollars.

    The statement must join `SOLD` with `IS_SOLD`.
    """
    is_bulk = (Subscription.quantity >= SOLD.bulk_quantity) & (SOLD.bulk_price <= SOLD.unit_price)
    goods: Any = case((is_bulk, SOLD.bulk_price), else_=SOLD.unit_price) * Subscription.quantity
    fee = case((goods >= rules.free_delivery_minimum, 0), else_=rules.delivery_fee)
    return func.round(goods * (100 - Subscription.discount_pct) / 100, 2) + fee
