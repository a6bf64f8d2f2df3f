"""Reasons for or against confirming an order, shown while working through pending orders."""

from documents.filters import format_number
from domain.credit.exposure import AccountStatus
from domain.kernel.money import ZERO, format_money
from domain.order_desk.order_page import OrderPage, PageItem
from models import PaymentMethod, PaymentStatus

# Tone, icon, word, and the line below it.
Reason = tuple[str, str, str, str]


def describe_readiness(shown: OrderPage) -> list[Reason]:
    """The reasons, in the desk's order: goods, money, address, the customer's notes."""
    reasons = [_describe_stock(shown.items)]
    if shown.order.total_amount is not None:
        reasons.append(_describe_money(shown))
    order = shown.order
    place = f"{order.delivery_address}, {order.delivery_city}, {order.delivery_state} {order.delivery_zip}"
    if shown.ships_to_last_address is not None:
        same = shown.ships_to_last_address
        word = "Address as last time" if same else "Another address than last time"
        reasons.append(("good" if same else "warn", "map-pin", word, place))
    if order.special_notes:
        reasons.append(("quiet", "note", f"“{order.special_notes}”", "delivery note"))
    return reasons


def _describe_stock(items: list[PageItem]) -> Reason:
    """The order has already taken its stock; what matters is the remaining level."""
    counted = [(item.stock_quantity, item) for item in items if item.stock_quantity is not None]
    if not counted:
        return ("good", "package", "In stock", "its stock is not tracked")
    left, item = min(counted, key=lambda pair: pair[0])
    line = f"lowest: {format_number(left)} of {item.product_name} left after it"
    return ("good" if left >= 0 else "bad", "package", "All in stock" if left >= 0 else "Short of stock", line)


def _describe_money(shown: OrderPage) -> Reason:
    order, customer = shown.order, shown.customer
    if order.payment_status == PaymentStatus.PAID:
        return ("good", "credit-card", "Paid", format_money(order.amount_paid or ZERO))
    if order.payment_status == PaymentStatus.PENDING_REVIEW:
        return ("warn", "eye-check", "A check to review", "it is not paid yet")
    standing = customer.standing if customer else None
    if order.payment_method == PaymentMethod.NET30 and standing is not None:
        is_well = standing.account_status is AccountStatus.GOOD
        left = f"{format_money(standing.available_credit)} left"
        word = "Covered by Net 30" if is_well else "Net 30 account needs attention"
        return ("good" if is_well else "warn", "credit-card", word, f"{left}, nothing overdue" if is_well else left)
    return ("warn", "credit-card", "Not paid yet", f"{format_money(order.balance or ZERO)} open")
