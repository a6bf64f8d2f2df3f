"""One line that starts an order, `6x whisk, 2x ladle for pepper hill`: its products, quantities and customer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.search.find import FoundCustomer, FoundProduct, find_customers, find_products

MOST_LINES = 12
MOST_OTHERS = 3
_COUNTED = re.compile(r"(\d{1,5})\s*(?:[x×*]\s*|\s)(\S.*)", re.IGNORECASE)
_FOR = re.compile(r"(?:^|\s+)for\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """What was asked for, the most likely product, and other possible ones."""

    quantity: int
    words: str
    product: FoundProduct | None
    others: Sequence[FoundProduct]


@dataclass(frozen=True, slots=True)
class SpokenOrder:
    """The order described by a line; without a customer, one must still be chosen."""

    lines: Sequence[SpokenLine]
    customer: FoundCustomer | None
    other_customers: Sequence[FoundCustomer]
    customer_words: str

    @property
    def is_whole(self) -> bool:
        """True if all products and the customer were found."""
        return self.customer is not None and all(line.product is not None for line in self.lines)


def read_order_line(text: str) -> tuple[list[tuple[int, str]], str] | None:
    """Return the quantities with their words, and the customer's words; None if the text is not an order.

    The last "for" separates them, so that "2x tray for ovens for pepper hill" works.
    """
    parts = _FOR.split(text.strip())
    wanted, customer = (" for ".join(parts[:-1]), parts[-1].strip()) if len(parts) > 1 else (text.strip(), "")
    lines = []
    for part in re.split(r"[,;+]|\band\b", wanted)[:MOST_LINES]:
        if not (words := part.strip()):
            continue
        counted = _COUNTED.fullmatch(words)
        if counted is None and not customer:
            return None
        quantity, name = (max(1, int(counted[1])), counted[2].strip()) if counted else (1, words)
        lines.append((quantity, name))
    return (lines, customer) if lines else None


async def find_spoken_order(db: AsyncSession, text: str, *, visible_to: Actor) -> SpokenOrder | None:
    """Return the order the text describes; None if it is not one, has no products, or may not be entered."""
    read = read_order_line(text) if may(visible_to, Right.ENTER_ORDERS) else None
    if read is None:
        return None
    counted, customer_words = read
    lines = []
    for quantity, words in counted:
        found = await find_products(db, words, visible_to=visible_to, most=1 + MOST_OTHERS)
        # Of products that match equally well, one in stock is meant.
        found.sort(key=lambda product: not product.is_in_stock)
        lines.append(SpokenLine(quantity, words, found[0] if found else None, found[1:]))
    if not any(line.product for line in lines):
        return None
    customers = await find_customers(db, customer_words, visible_to=visible_to, most=1 + MOST_OTHERS)
    return SpokenOrder(lines, customers[0] if customers else None, customers[1:], customer_words)
