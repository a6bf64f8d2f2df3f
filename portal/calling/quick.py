"""The quick order of a call: the usual items with their quantities, more by a few letters or SKU, and what it costs.

Each step sends the lines and gets them back, so it works without a script; nothing is stored.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.kernel.errors import InvalidInput
from domain.kernel.money import ZERO
from domain.kernel.whole_numbers import read_whole
from domain.order_desk.preview import OrderPreview, PreviewOrder, preview_order
from domain.orders.lines import OrderLine
from domain.orders.totals import Totals, calculate_delivery_fee, calculate_totals
from domain.sales.call_page import CallPage
from domain.search.find import FoundProduct, find_products, list_products_by_sku
from portal.orders.draft import read_times
from web.request import current_actor, db, order_rules

MOST_LINES = 50
MOST_QUANTITY = 100_000
_SKU = re.compile(r"items\[(0|[1-9][0-9]?)\]\[sku\]")


@dataclass(frozen=True, slots=True)
class QuickLine:
    """One line with its typed quantity; prices in US dollars, none for an invalid quantity."""

    place: int
    sku: str
    quantity: str
    product: FoundProduct | None
    unit_price: Decimal | None
    is_bulk: bool
    line_total: Decimal | None
    is_short: bool


@dataclass(frozen=True, slots=True)
class QuickOrder:
    """The current form: lines, totals, and products that match the search."""

    lines: Sequence[QuickLine]
    totals: Totals | None
    words: str
    hits: Sequence[FoundProduct]
    focus: str
    step: int
    form_key: str


async def read_quick_order(page: CallPage, pairs: Mapping[str, list[str]] | None = None, act: str = "") -> QuickOrder:
    """The usual items before the first step, then the form's lines after the next step."""
    typed = {name: values[-1] for name, values in (pairs or {}).items()}
    lines = read_lines(typed) if pairs else [(item.product_sku, str(item.quantity)) for item in page.usual]
    words, focus = typed.get("product_q", ""), ""
    if act.startswith("add:"):
        focus = _add(lines, act[4:], read_times(words)[0] or 1)
        words = ""
    elif act == "enter" and words:
        quantity, name = read_times(words)
        if best := await find_products(db(), name, visible_to=current_actor(), most=1):
            focus = _add(lines, best[0].sku, quantity or 1)
            words = ""
    step = typed.get("step", "")
    products = await list_products_by_sku(db(), [sku for sku, _ in lines], visible_to=current_actor())
    preview = await _preview(page, lines, products)
    _, name = read_times(words)
    return QuickOrder(
        lines=_show_lines(lines, products, preview),
        totals=_add_up(preview) if preview else None,
        words=words,
        hits=await find_products(db(), name, visible_to=current_actor(), most=5) if name else [],
        focus=focus,
        # A new price is not a new step: the fields stay the same, so the focus is kept.
        step=(read_whole(step, most=999_999) or 0) + (act not in {"price", "find"}),
        form_key=typed.get("form_key") or secrets.token_urlsafe(16),
    )


def read_lines(typed: Mapping[str, str]) -> list[tuple[str, str]]:
    """The form's lines as SKU and typed quantity."""
    places = sorted(int(found[1]) for name in typed if (found := _SKU.fullmatch(name)))
    return [
        (sku, typed.get(f"items[{place}][quantity]", "").strip())
        for place in places[:MOST_LINES]
        if (sku := typed[f"items[{place}][sku]"].strip())
    ]


def order_pairs(customer_id: int | None, typed: Mapping[str, str]) -> dict[str, list[str]]:
    """The lines with a quantity, in the order form's format."""
    wanted: dict[str, list[str]] = {"customer_id": [str(customer_id or "")]}
    counted = [line for line in read_lines(typed) if line[1] not in {"", "0"}]
    for place, (sku, quantity) in enumerate(counted):
        wanted |= {f"items[{place}][sku]": [sku], f"items[{place}][quantity]": [quantity]}
    return wanted


def _add(lines: list[tuple[str, str]], sku: str, quantity: int) -> str:
    """Add a product to the form, or increase its quantity; returns the next field to focus."""
    for place, (known, typed) in enumerate(lines):
        if known.lower() == sku.lower():
            more = (_read_quantity(typed) or 0) + quantity
            lines[place] = (known, str(min(more, MOST_QUANTITY)))
            return f"quick-{place}"
    if len(lines) < MOST_LINES:
        lines.append((sku, str(min(quantity, MOST_QUANTITY))))
    return f"quick-{len(lines) - 1}"


def _read_quantity(text: str) -> int | None:
    return read_whole(text, most=MOST_QUANTITY) or None


async def _preview(
    page: CallPage, lines: Sequence[tuple[str, str]], products: Mapping[str, FoundProduct]
) -> OrderPreview | None:
    """The total of the lines with a quantity; None if there are none."""
    items = [
        OrderLine(sku=sku, quantity=quantity)
        for sku, text in lines
        if (quantity := _read_quantity(text)) and sku.lower() in products
    ]
    if not items:
        return None
    rules = order_rules()
    try:
        asked = PreviewOrder(items=items, customer_id=page.entry.customer_id)
        return await preview_order(db(), asked, by=current_actor(), rules=rules)
    except InvalidInput:
        # Exceeds the largest amount: placing the order says so.
        return None


def _add_up(preview: OrderPreview) -> Totals:
    """The order's totals with the usual fee."""
    rules = order_rules()
    fee = calculate_delivery_fee(preview.totals.subtotal, free_from=rules.free_delivery_minimum, fee=rules.delivery_fee)
    return calculate_totals([line.line_total for line in preview.lines], discount=ZERO, delivery_fee=fee)


def _show_lines(
    lines: Sequence[tuple[str, str]], products: Mapping[str, FoundProduct], preview: OrderPreview | None
) -> list[QuickLine]:
    priced = iter(preview.lines if preview else ())
    shown = []
    for place, (sku, text) in enumerate(lines):
        product, quantity = products.get(sku.lower()), _read_quantity(text)
        line = next(priced, None) if product is not None and quantity else None
        level = product.stock_quantity if product else None
        shown.append(
            QuickLine(
                place=place,
                sku=sku,
                quantity=text,
                product=product,
                unit_price=line.unit_price if line else product.unit_price if product else None,
                is_bulk=line.is_bulk_price if line else False,
                line_total=line.line_total if line else None,
                is_short=product is not None
                and (not product.is_in_stock or (level is not None and (quantity or 0) > level)),
            )
        )
    return shown
