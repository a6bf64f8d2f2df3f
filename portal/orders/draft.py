"""An order being entered: the form's values, read leniently because it may be incomplete.

The server stores nothing of it; every answer sends it back to the browser.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from domain.kernel.money import parse_money, round_half_up
from domain.kernel.phone import format_phone
from domain.kernel.whole_numbers import read_id, read_whole
from domain.orders.usual_items import Buyer

MOST_DRAFT_LINES = 500
_SKU = re.compile(r"items\[(0|[1-9][0-9]{0,3})\]\[sku\]")
_COMMA = re.compile(r"\$?\d+,\d{2}", re.ASCII)
_TIMES = re.compile(r"([0-9]{1,6})\s*[x×*]\s*(\S.*)", re.IGNORECASE)
TEXTS = (
    "customer_id", "guest", "customer_q", "product_q", "delivery_company", "delivery_name", "delivery_address",
    "delivery_city", "delivery_state", "delivery_zip", "delivery_phone", "delivery_email", "discount_amount",
    "delivery_fee", "payment_method", "payment_status", "po_number", "special_notes", "staff_notes", "override_terms",
    "form_key", "step",
)  # fmt: skip


@dataclass
class Draft:
    """The form's fields as text, and its lines as SKU and quantity."""

    texts: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def customer_id(self) -> int | None:
        """The customer chosen, if any."""
        return read_id(self.texts.get("customer_id", ""))

    @property
    def step(self) -> int:
        """How many times the form has been sent; a copy continues from there."""
        return read_whole(self.texts.get("step", ""), most=999_999) or 0

    @property
    def has_buyer(self) -> bool:
        """True once the buyer is chosen: a customer, or explicitly a guest."""
        return self.customer_id is not None or bool(self.texts.get("guest"))

    def choose(self, buyer: Buyer) -> None:
        """Order for this customer, to their known address."""
        self.texts |= {
            "customer_id": str(buyer.id),
            "guest": "",
            "customer_q": "",
            "delivery_company": buyer.company_name,
            "delivery_name": buyer.name or buyer.company_name,
            "delivery_address": buyer.street,
            "delivery_city": buyer.city,
            "delivery_state": buyer.state,
            "delivery_zip": buyer.zip,
            "delivery_phone": format_phone(buyer.phone) if buyer.phone else "",
            "delivery_email": buyer.email or "",
            "po_number": buyer.po_number,
            "payment_method": "net30" if buyer.payment_terms == "net30" else "credit_card",
        }

    def choose_guest(self) -> None:
        """Order for a guest; the search text becomes the company."""
        words = self.texts.get("customer_q", "")
        self.texts |= {"customer_id": "", "guest": "1", "customer_q": "", "payment_method": "credit_card"}
        if words and not self.texts.get("delivery_company"):
            self.texts["delivery_company"] = words

    def forget_buyer(self) -> None:
        """Choose again; this also clears the customer's address."""
        for name in TEXTS:
            if name.startswith("delivery_") and name != "delivery_fee":
                self.texts[name] = ""
        self.texts |= {"customer_id": "", "guest": "", "po_number": ""}

    def add(self, sku: str, quantity: int = 1) -> int:
        """Add a product, or increase its quantity; returns the position of its line."""
        for place, (known, text) in enumerate(self.lines):
            if known.lower() == sku.lower():
                before = read_count(text) or 0
                self.lines[place] = (known, str(before + quantity))
                return place
        if len(self.lines) < MOST_DRAFT_LINES:
            self.lines.append((sku, str(quantity)))
        return len(self.lines) - 1

    def counted_lines(self) -> list[tuple[int, str, int]]:
        """The lines that can be priced: their position, SKU and quantity."""
        return [
            (place, sku, quantity)
            for place, (sku, text) in enumerate(self.lines)
            if (quantity := read_whole(text, most=100_000))
        ]


def read_draft(pairs: Mapping[str, Sequence[str]]) -> Draft:
    """The draft from a sent form."""
    texts = {name: pairs.get(name, [""])[-1].strip() for name in TEXTS}
    numbers = sorted({int(found[1]) for name in pairs if (found := _SKU.fullmatch(name))})
    lines = [
        (pairs[f"items[{number}][sku]"][-1].strip(), pairs.get(f"items[{number}][quantity]", [""])[-1].strip())
        for number in numbers
    ]
    return Draft(texts, [line for line in lines if line[0]][:MOST_DRAFT_LINES])


def start_draft() -> Draft:
    """An empty draft with its own key, which allows placing it only once."""
    chosen = {"form_key": secrets.token_urlsafe(18), "payment_method": "credit_card", "payment_status": "unpaid"}
    return Draft(dict.fromkeys(TEXTS, "") | chosen)


def read_discount(text: str, subtotal: Decimal) -> Decimal | None:
    """Parse a discount: `12.50`, `12,50`, `$5` or `10%` of the goods; None if invalid."""
    written = text.strip()
    if written.endswith("%"):
        share = parse_money(written.removesuffix("%").strip())
        return round_half_up(subtotal * share / 100) if share is not None and 0 <= share <= 100 else None
    found = parse_money(f"{written[:-3]}.{written[-2:]}" if _COMMA.fullmatch(written) else written or "0")
    return found if found is not None and found >= 0 else None


def read_times(text: str) -> tuple[int | None, str]:
    """Parse a product search with an optional quantity: `12x SHP-1826` means twelve; None if there is no quantity."""
    found = _TIMES.fullmatch(text.strip())
    return (max(int(found[1]), 1), found[2]) if found else (None, text.strip())


def read_count(text: str) -> int | None:
    """Parse a whole number; None for anything else."""
    return read_whole(text, most=999_999)
