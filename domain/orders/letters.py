"""The emails about a new order: its lines, its amounts and its address."""

import re

from domain.kernel.money import format_money
from domain.messages.letter import Letter
from domain.orders.write import Delivery, NewOrder

LONGEST_GREETING = 60
LONGEST_LINE = 200
# Email programs also turn addresses without a scheme into links.
_LINK = re.compile(r"[/@]|\w\.\w")
# A house number such as 12 1/2 is not a link.
_LINK_IN_ADDRESS = re.compile(r"//|@|\w\.[^\W\d]")


def write_received(order: NewOrder, order_number: str) -> Letter:
    """The email to the customer, right after the order."""
    text = f"Thank you{_greet(order.delivery.name)}. This is what you ordered:\n\n{list_order(order)}"
    return Letter("order_received", f"We have your order {order_number}", text)


def write_received_sales(order: NewOrder, order_number: str) -> Letter:
    """The email to the sales inbox, right after the order."""
    buyer = order.delivery.company or order.delivery.name
    return Letter("order_received_sales", f"Order {order_number} from {buyer}", list_order(order))


def list_order(order: NewOrder) -> str:
    """Return the lines of an order, its amounts and its address as text."""
    lines = [
        f"{line.quantity} × {line.product_name} ({line.product_sku}): {format_money(line.line_total)}"
        for line in order.lines
    ]
    totals = order.totals
    sums = [("Subtotal", totals.subtotal), ("Delivery", totals.delivery_fee), ("Total", totals.total_amount)]
    amounts = [f"{word}: {format_money(amount)}" for word, amount in sums]
    parts = ["\n".join(lines), "\n".join(amounts), _address(order.delivery)]
    return "\n\n".join([part for part in parts if part])


def _greet(name: str) -> str:
    """Return the name for the greeting, or an empty string: anyone may have typed it, so it must not have a link."""
    line = " ".join(name.split())
    return "" if len(line) > LONGEST_GREETING or _LINK.search(line) else f", {line}"


def _address(to: Delivery) -> str:
    """Return the delivery address; an empty string if any line of it could be read as a link."""
    city = ", ".join(part for part in (to.city, f"{to.state} {to.zip}".strip()) if part)
    lines = [" ".join(part.split()) for part in (to.company, to.name, to.address, city)]
    kept = list(dict.fromkeys(line for line in lines if line))
    if any(len(line) > LONGEST_LINE or _LINK_IN_ADDRESS.search(line) for line in kept):
        return ""
    return "\n".join(["Delivery to:", *kept])
