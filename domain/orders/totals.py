"""What an order costs: the price of each line, the discount, the delivery fee and the total.

The catalogue decides the prices; every line is rounded half up by itself, and no order's total is below zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.kernel.money import MOST_MONEY, ZERO, format_money, round_half_up


@dataclass(frozen=True, slots=True)
class PricedLine:
    """One line with the price that its quantity earns."""

    quantity: int
    unit_price: Decimal
    is_bulk_price: bool
    line_total: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The money of an order; `total_amount` = subtotal − discount + fee and never changes by paying."""

    subtotal: Decimal
    discount_amount: Decimal
    delivery_fee: Decimal
    total_amount: Decimal


def choose_unit_price(
    quantity: int, *, unit_price: Decimal, bulk_price: Decimal | None, bulk_quantity: int | None
) -> tuple[Decimal, bool]:
    """The price of one piece at this quantity, and whether it is the bulk price.

    The bulk price counts only where both it and its quantity are set. No door takes one above the unit price; where
    old data has one, the lower price is taken.
    """
    if bulk_price is not None and bulk_quantity is not None and quantity >= bulk_quantity and bulk_price <= unit_price:
        return bulk_price, True
    return unit_price, False


def price_line(
    quantity: int, *, unit_price: Decimal, bulk_price: Decimal | None = None, bulk_quantity: int | None = None
) -> PricedLine:
    """Price one line of an order from the catalogue's prices."""
    price, is_bulk = choose_unit_price(
        quantity, unit_price=unit_price, bulk_price=bulk_price, bulk_quantity=bulk_quantity
    )
    return PricedLine(quantity, price, is_bulk, round_half_up(price * quantity))


def calculate_delivery_fee(subtotal: Decimal, *, free_from: Decimal, fee: Decimal) -> Decimal:
    """The fee of an order that brings none of its own: nothing from the free delivery minimum on.

    The goods' value before any discount counts, so that a discount never costs the customer a fee.
    """
    return ZERO if subtotal >= free_from else fee


def check_discount(discount: Decimal, subtotal: Decimal, *, most_percent: Decimal | int | None = None) -> None:
    """Raise InvalidInput unless the discount lies between nothing and the goods' value.

    `most_percent` is the share of the subtotal that the giver (a sales rep) may grant at most.
    """
    most = subtotal
    reason = "the value of the goods"
    if most_percent is not None and most_percent < 100:
        most = round_half_up(subtotal * most_percent / 100)
        reason = f"{most_percent}% of the goods"
    if discount < 0:
        raise InvalidInput("The discount must not be negative.", fields={"discount_amount": "must be at least 0"})
    if discount > most:
        limit = f"must be at most {format_money(most)} ({reason})"
        raise InvalidInput(f"The discount {limit}.", code=Code.DISCOUNT_TOO_LARGE, fields={"discount_amount": limit})


def calculate_totals(
    line_totals: Iterable[Decimal], *, discount: Decimal = ZERO, delivery_fee: Decimal = ZERO
) -> Totals:
    """Add up an order; raises InvalidInput when it is dearer than any order we can keep.

    A discount that outgrew the goods (lines were taken off) makes the total zero at the least, never less.
    """
    subtotal = sum(line_totals, ZERO)
    total = max(subtotal - discount + delivery_fee, ZERO)
    if subtotal > MOST_MONEY or total > MOST_MONEY:
        raise InvalidInput(
            f"The order is too large: it may cost at most {format_money(MOST_MONEY)}.",
            code=Code.ORDER_TOO_LARGE,
            fields={"items": "cost too much together"},
        )
    return Totals(subtotal, discount, delivery_fee, total)
