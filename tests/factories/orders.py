"""Orders for tests, created with the domain's own acts."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import GUEST, Actor
from domain.kernel.clock import business_today
from domain.orders.place import PlacedOrder, PlaceOrder, place_order
from domain.orders.rules import OrderRules
from models import Product
from settings import Settings

ZONE = ZoneInfo(Settings.model_fields["business_timezone"].default)
RULES = OrderRules(
    free_delivery_minimum=Decimal("300.00"), delivery_fee=Decimal("25.00"), rep_max_discount_pct=Decimal(15)
)
DELIVERY = {
    "delivery_name": "Greta Lindqvist",
    "delivery_address": "88 Grist Road",
    "delivery_city": "Alder Falls",
    "delivery_state": "OH",
    "delivery_zip": "44099",
}


def noon(days_ago: int) -> datetime:
    """Noon in business time this many days ago, so that differences are whole days."""
    return datetime.combine(business_today(ZONE) - timedelta(days=days_ago), time(12), ZONE)


def order_body(*lines: tuple[Product | str, int], **values: Any) -> dict[str, Any]:
    """The JSON of an order of these lines, each a product or a SKU with a quantity."""
    items = [
        {"sku": product, "quantity": quantity}
        if isinstance(product, str)
        else {"product_id": product.id, "quantity": quantity}
        for product, quantity in lines
    ]
    return DELIVERY | {"items": items, "payment_method": "credit_card"} | values


async def make_order(
    db: AsyncSession, *lines: tuple[Product | str, int], by: Actor = GUEST, **values: Any
) -> PlacedOrder:
    """A placed order of these lines."""
    data = PlaceOrder.model_validate(order_body(*lines, **values))
    return await place_order(db, data, by=by, rules=RULES)
