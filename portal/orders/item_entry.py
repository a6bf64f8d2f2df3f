"""The lines of an order being edited: read from the form, and shown with their products and prices."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.access.rights import Right, may
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import read_values
from domain.kernel.money import parse_money
from domain.order_desk.edit_items import EditItems, preview_items
from domain.order_desk.order_page import OrderPage, get_order_page
from domain.orders.line_facts import LineFacts, list_line_facts
from domain.orders.lines import Line
from domain.orders.totals import Totals
from domain.search.find import FoundProduct, find_products, list_products_by_sku
from portal.merging import Pairs
from portal.merging_rows import ROW, RowShape, read_row
from portal.orders.draft import Draft, read_discount, read_draft, read_times
from web.request import current_actor, db, order_rules

_CELL = re.compile(r"items\[([^\[\]]*)\]\[(sku|quantity)\]")
NO_DISCOUNT = "Write an amount such as 12.50, or a share such as 10%"


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One line of the form; a product that is not sold has no price."""

    place: int
    sku: str
    quantity: str
    name: str
    product_id: int | None
    image_hash: str | None
    level: int | None
    bin_location: str
    line: Line | None
    facts: LineFacts | None


@dataclass(frozen=True, slots=True)
class ItemEntry:
    """The current form of an order's lines."""

    draft: Draft
    items: list[ShownItem]
    totals: Totals | None
    discount_problem: str
    hits: Sequence[FoundProduct]
    wrong: str = ""
    focus: str = ""
    recounts: bool = False

    @property
    def step(self) -> int:
        """A number that increases at each step."""
        return self.draft.step + 1


@dataclass(frozen=True, slots=True)
class ItemsForm(RowShape):
    """The form of an order's lines; its discount may be a percentage."""

    number: str = ""

    async def finish(self, pairs: Pairs) -> Pairs:
        """The rows with a product and a quantity, and the discount as an amount."""
        fields = drop_empty_rows(pairs)
        shown = await get_order_page(db(), self.number, visible_to=current_actor())
        totals = (await show_items(shown, read_items(fields))).totals
        return write_discount(fields, totals.subtotal) if totals else fields


LINES = ItemsForm(
    "items",
    ("sku", "quantity"),
    known_by=lambda row: row["sku"].lower(),
    is_empty=lambda row: not row["sku"] or row["quantity"] in {"", "0"},
)


def describe_items(shown: OrderPage) -> dict[str, str]:
    """The form's opening values as merge fields."""
    draft = start_items(shown)
    rows = [{"sku": sku, "quantity": quantity} for sku, quantity in draft.lines]
    return {"discount_amount": draft.texts["discount_amount"], "delivery_fee": ""} | LINES.name_rows(rows)


def word_lines(shown: OrderPage, fields: Sequence[str]) -> dict[str, str]:
    """The labels of the form's fields: a line by its product's name, an unsaved one by its SKU."""
    names = {item.product_sku.lower(): item.product_name for item in shown.items}
    skus = {field: field.removeprefix(ROW) for field in fields if field.startswith(ROW)}
    lines = {field: names.get(sku, sku.upper()) for field, sku in skus.items()}
    return {"discount_amount": "Discount", "delivery_fee": "Delivery fee"} | lines


def write_line(field: str, value: str) -> str:
    """The quantity of a line, or any other field unchanged."""
    if not field.startswith(ROW):
        return value
    return read_row(value)["quantity"] if value else "taken off"


def read_items(pairs: Mapping[str, Sequence[str]]) -> Draft:
    """The lines, the discount and the fee that the form sent."""
    return read_draft(pairs)


def start_items(shown: OrderPage) -> Draft:
    """The opening form: the order's values."""
    order = shown.order
    draft = Draft({"discount_amount": str(order.discount_amount) if order.discount_amount else "0.00"})
    draft.lines = [(item.product_sku, str(item.quantity)) for item in shown.items]
    return draft


async def take_in(draft: Draft) -> tuple[str, str]:
    """Handle Enter: add a line for the matching product; returns the next field and any wrong code."""
    quantity, words = read_times(draft.texts.get("product_q", ""))
    if not words:
        return "product_q", ""
    found = await find_products(db(), words, visible_to=current_actor(), most=1)
    if not found:
        return "product_q", words
    place = draft.add(found[0].sku, quantity or 1)
    draft.texts["product_q"] = ""
    return f"quantity-{place}" if quantity is None else "product_q", ""


async def show_items(
    shown: OrderPage, draft: Draft, *, wrong: str = "", focus: str = "", recounts: bool = False
) -> ItemEntry:
    """The form with products, prices and the customer's last prices."""
    me = current_actor()
    sold = {item.product_sku.lower(): item for item in shown.items}
    products = await list_products_by_sku(db(), [sku for sku, _ in draft.lines], visible_to=me)
    lines, totals = await _price(shown, draft)
    ids = {product.id for product in products.values()} | {item.product_id for item in shown.items if item.product_id}
    facts = await list_line_facts(
        db(), ids, customer_id=shown.order.customer_id, reader=me, besides_order=shown.order.id
    )
    items = []
    for place, (sku, quantity) in enumerate(draft.lines):
        product, was = products.get(sku.lower()), sold.get(sku.lower())
        product_id = product.id if product else was.product_id if was else None
        items.append(
            ShownItem(
                place=place,
                sku=sku,
                quantity=quantity,
                name=was.product_name if was else product.name if product else "",
                product_id=product_id,
                image_hash=product.image_hash if product else was.image_hash if was else None,
                level=product.stock_quantity if product else None,
                bin_location=product.bin_location if product else was.bin_location if was else "",
                line=lines.get(place),
                facts=facts.get(product_id) if product_id else None,
            )
        )
    _, words = read_times(draft.texts.get("product_q", ""))
    is_readable = read_discount(draft.texts.get("discount_amount", ""), Decimal(0)) is not None
    return ItemEntry(
        draft=draft,
        items=items,
        totals=totals,
        discount_problem="" if is_readable else NO_DISCOUNT,
        hits=await find_products(db(), words, visible_to=me) if words and not wrong else [],
        wrong=wrong,
        focus=focus,
        recounts=recounts,
    )


async def _price(shown: OrderPage, draft: Draft) -> tuple[dict[int, Line], Totals | None]:
    """The prices of the lines by position, and their total; None if a product is not sold."""
    counted = [(place, sku, count) for place, sku, count in draft.counted_lines()]
    if not counted or not may(current_actor(), Right.SEE_MONEY):
        return {}, None
    fee = parse_money(draft.texts.get("delivery_fee", "") or "-")
    try:
        asked = read_values(EditItems, {"items": [{"sku": sku, "quantity": count} for _, sku, count in counted]})
        lines, totals = await _preview(shown, asked.model_copy(update={"delivery_fee": fee}))
        discount = read_discount(draft.texts.get("discount_amount", ""), totals.subtotal)
        if discount:
            _, totals = await _preview(
                shown, asked.model_copy(update={"discount_amount": discount, "delivery_fee": fee})
            )
    except (InvalidInput, Refused):
        return {}, None
    return dict(zip((place for place, _, _ in counted), lines, strict=True)), totals


async def _preview(shown: OrderPage, asked: EditItems) -> tuple[list[Line], Totals]:
    return await preview_items(db(), shown.order.id, asked, by=current_actor(), rules=order_rules())


def write_discount(pairs: Mapping[str, list[str]], subtotal: Decimal) -> dict[str, list[str]]:
    """The form with its discount converted to an amount, if it is a percentage or has a comma."""
    text = pairs.get("discount_amount", [""])[-1]
    discount = read_discount(text, subtotal) if text.strip() else None
    return {**pairs, "discount_amount": [str(discount)]} if discount is not None else dict(pairs)


def drop_empty_rows(pairs: dict[str, list[str]]) -> dict[str, list[str]]:
    """The form without rows that lack a product or quantity (empty or removed lines), renumbered.

    Refusals use these row numbers, so the form shown again must use the same.
    """
    rows: dict[str, dict[str, list[str]]] = {}
    kept: dict[str, list[str]] = {}
    for name, values in pairs.items():
        if found := _CELL.fullmatch(name):
            rows.setdefault(found[1], {})[found[2]] = values
        else:
            kept[name] = values
    filled = [row for row in rows.values() if all(values[-1].strip() not in {"", "0"} for values in row.values())]
    for place, row in enumerate(filled):
        kept |= {f"items[{place}][{column}]": values for column, values in row.items()}
    return kept
