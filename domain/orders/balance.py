"""What is still owed on an order, with the same formula as the generated columns of the database.

Acts use these functions, because their changes are not written yet; queries read `balance` and `refund_due`.
"""

from decimal import Decimal

from domain.kernel.money import ZERO
from models import Order, OrderStatus


def calculate_balance(order: Order) -> Decimal:
    """Return what is still to be paid, in US dollars, never negative; 0 for a cancelled order."""
    return ZERO if order.status == OrderStatus.CANCELLED else calculate_unpaid(order)


def calculate_unpaid(order: Order) -> Decimal:
    """Return the total less allowances and payments, in US dollars, never negative, even if the order is cancelled."""
    return max(order.total_amount - order.allowances - order.amount_paid, ZERO)
