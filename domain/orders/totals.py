"""What an order costs: the price of each line, the discount, the delivery fee and the total.

Prices come from the catalogue. Each line is rounded half up separately, and no total is negative.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.kernel.money import MOST_MONEY, ZERO, format_money, round_half_up


class PricedLine(NamedTuple):
    """One line with the price for its quantity."""

    quantity: int
    unit_price: Decimal
    is_bulk_price: bool
    line_total: Decimal


class Totals(NamedTuple):
    """The amounts of an order in US dollars. `total_amount` = subtotal − discount + fee; payments never change it."""

    subtotal: Decimal
    discount_amount: Decimal
    delivery_fee: Decimal
    total_amount: Decimal


def choose_unit_price(
    quantity: int, *, unit_price: Decimal, bulk_price: Decimal | None, bulk_quantity: int | None
) -> tuple[Decimal, bool]:
    """Return the unit price for this quantity, and whether it is the bulk price.

    The bulk price applies only if both it and its quantity are set. Doors refuse one above the unit price; for old data
    that has one, the lower price is used.
    """
    if bulk_price is not None and bulk_quantity is not None and quantity >= bulk_quantity and bulk_price <= unit_price:
        return bulk_price, True
    return unit_price, False


def price_line(
    quantity: int, *, unit_price: Decimal, bulk_price: Decimal | None = None, bulk_quantity: int | None = None
) -> PricedLine:
    """Price one line of an order with the catalogue's prices, in US dollars."""
    price, is_bulk = choose_unit_price(
        quantity, unit_price=unit_price, bulk_price=bulk_price, bulk_quantity=bulk_quantity
    )
    return PricedLine(quantity, price, is_bulk, round_half_up(price * quantity))


def calculate_delivery_fee(subtotal: Decimal, *, free_from: Decimal, fee: Decimal) -> Decimal:
    """Return the delivery fee of an order without its own fee: 0 from the free delivery minimum on.

    The subtotal before any discount counts, so that a discount never costs the customer a fee.
    """
    return ZERO if subtotal >= free_from else fee


def check_discount(discount: Decimal, subtotal: Decimal, *, most_percent: Decimal | int | None = None) -> None:
    """Raise InvalidInput unless the discount is between 0 and the subtotal.

    `most_percent` is the largest share of the subtotal that a sales rep may give.
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
    """Add up an order. Raises InvalidInput if it is above the largest amount that can be stored.

    If the discount exceeds subtotal and fee (because lines were removed), the total is 0.
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
