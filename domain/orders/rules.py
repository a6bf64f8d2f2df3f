"""The settings that determine what an order costs."""

from dataclasses import dataclass
from decimal import Decimal

from settings import Settings


@dataclass(frozen=True, slots=True)
class OrderRules:
    """The settings that prices depend on, in US dollars and percent."""

    free_delivery_minimum: Decimal
    delivery_fee: Decimal
    rep_max_discount_pct: Decimal
    sales_inbox: str = ""


def read_rules(settings: Settings) -> OrderRules:
    """Read the rules for orders from the settings."""
    return OrderRules(
        free_delivery_minimum=settings.free_delivery_minimum,
        delivery_fee=settings.delivery_fee,
        rep_max_discount_pct=settings.rep_max_discount_pct,
        sales_inbox=settings.sales_inbox,
    )
