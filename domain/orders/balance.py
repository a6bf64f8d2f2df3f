"""What is still owed on an order and what of its money goes back: the same sums as the columns of the database.

An act reads them here, because what it has changed is not written yet; a query reads `balance` and `refund_due`.
"""

from decimal import Decimal

from domain.kernel.money import ZERO
from models import Order, OrderStatus


def calculate_balance(order: Order) -> Decimal:
    """What is still to be paid, US dollars, never below zero; nothing on a cancelled order."""
    return ZERO if order.status == OrderStatus.CANCELLED else calculate_unpaid(order)


def calculate_unpaid(order: Order) -> Decimal:
    """What the goods and their delivery still cost beyond what was paid and allowed, cancelled or not."""
    return max(order.total_amount - order.allowances - order.amount_paid, ZERO)
