"""The settings that decide what an order costs."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class OrderRules:
    """The settings that prices depend on, US dollars and percent."""

    free_delivery_minimum: Decimal
    delivery_fee: Decimal
    rep_max_discount_pct: Decimal
    sales_inbox: str = ""
