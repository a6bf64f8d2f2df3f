"""The mails about a new order: what was ordered, what it comes to and where it goes."""

import re

from domain.kernel.money import format_money
from domain.messages.letter import Letter
from domain.orders.write import Delivery, NewOrder

LONGEST_GREETING = 60
LONGEST_LINE = 200
# Programs that show mail make a link of an address without its scheme too.
_LINK = re.compile(r"[/@]|\w\.\w")
# A house number such as 12 1/2 is none.
_LINK_IN_ADDRESS = re.compile(r"//|@|\w\.[^\W\d]")


def write_received(order: NewOrder, order_number: str) -> Letter:
    """To the customer, right after the order."""
    text = f"Thank you{_greet(order.delivery.name)}. This is what you ordered:\n\n{list_order(order)}"
    return Letter("order_received", f"We have your order {order_number}", text)


def write_received_sales(order: NewOrder, order_number: str) -> Letter:
    """To the sales inbox, right after the order."""
    buyer = order.delivery.company or order.delivery.name
    return Letter("order_received_sales", f"Order {order_number} from {buyer}", list_order(order))


def list_order(order: NewOrder) -> str:
    """The lines of an order, its sums and its address, as mails list them."""
    lines = "\n".join(
        f"{line.quantity} × {line.product_name} ({line.product_sku}): {format_money(line.line_total)}"
        for line in order.lines
    )
    totals = order.totals
    sums = [("Subtotal", totals.subtotal), ("Delivery", totals.delivery_fee), ("Total", totals.total_amount)]
    parts = [lines, "\n".join(f"{word}: {format_money(amount)}" for word, amount in sums), _address(order.delivery)]
    return "\n\n".join(part for part in parts if part)


def _greet(name: str) -> str:
    """The name in our mail to an address that anybody may have typed: nobody sends a stranger links in it."""
    line = " ".join(name.split())
    return "" if len(line) > LONGEST_GREETING or _LINK.search(line) else f", {line}"


def _address(to: Delivery) -> str:
    """Where the order goes; left out, as a whole, where a line of it could be read as a link."""
    city = ", ".join(part for part in (to.city, f"{to.state} {to.zip}".strip()) if part)
    lines = [" ".join(part.split()) for part in (to.company, to.name, to.address, city)]
    kept = list(dict.fromkeys(line for line in lines if line))
    if any(len(line) > LONGEST_LINE or _LINK_IN_ADDRESS.search(line) for line in kept):
        return ""
    return "\n".join(["Delivery to:", *kept])
