"""Receiving goods: a delivery scanned or typed line by line; each line shows name, bin and new level at once.

Each step sends the whole form and gets it back changed, so the page works without a script.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_plural, with_query
from domain.access.rights import Right
from domain.inventory.find_stock import find_stock, list_stock_by_code
from domain.inventory.receive import MOST_LINES, Receipt, ReceiveGoods, receive_goods
from domain.inventory.stock_list import StockLine
from domain.inventory.undo_receipt import undo_delivery
from domain.kernel.codes import Code
from domain.kernel.inputs import Input, Text60
from domain.kernel.money import parse_money
from domain.kernel.whole_numbers import read_id, read_whole
from domain.procurement.vendors import list_vendor_names
from domain.staff.drafts import KeptDraft
from portal.attempts import Attempt
from portal.drafts import find_shown_draft
from portal.once import KEY, attempt_once
from portal.orders.draft import read_count, read_times
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs, reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_receive", __name__)
LIST = "/portal/inventory"
RECEIVE = f"{LIST}/receive"
BLOCKS = ("delivery_form", "product_hits", "delivery_sums")
_LINE_FIELD = re.compile(r"lines\[([^\]]*)\]\[(sku|quantity|unit_cost)\]")


class PrefilledLine(Input):
    """The first product of the form."""

    sku: Text60 | None = None


@dataclass
class Delivery:
    """A delivery being entered; each line has a product code, units and unit cost as text."""

    vendor: str = ""
    vendor_id: str = ""
    note: str = ""
    product_q: str = ""
    step: int = 0
    form_key: str = ""
    lines: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, sku: str, quantity: int) -> int:
        """Add a product, or increase its quantity; returns the position of its line."""
        for place, (known, units, cost) in enumerate(self.lines):
            if known.lower() == sku.lower():
                self.lines[place] = (known, str((read_count(units) or 0) + quantity), cost)
                return place
        if len(self.lines) < MOST_LINES:
            self.lines.append((sku, str(quantity), ""))
        return len(self.lines) - 1


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line on the page; `level` is the stock after receiving, `product` is None for an unknown code."""

    place: int
    sku: str
    quantity: str
    unit_cost: str
    product: StockLine | None
    level: int | None


@blueprint.get(RECEIVE)
@staff_page(Right.EDIT_STOCK)
@reads_query(PrefilledLine)
async def show_receive_form(query: PrefilledLine) -> Response:
    """The form of a delivery; a link from a product puts it on the first line."""
    kept = None if query.sku else await find_shown_draft(RECEIVE)
    delivery = read_delivery({name: values[-1] for name, values in kept.form.items()}) if kept else Delivery()
    delivery.form_key = ""  # a draft that is shown again is a form of its own
    if query.sku:
        delivery.add(query.sku, 1)
    return await _show(delivery, focus="quantity-0" if query.sku else "product_q", kept=kept)


@blueprint.post(RECEIVE)
@staff_page(Right.EDIT_STOCK)
async def change_delivery() -> Response:
    """Do one step on the form, or receive the delivery, all or nothing."""
    pairs = await form_pairs()
    delivery, act = read_delivery({name: values[-1] for name, values in pairs.items()}), pairs.get("act", [""])[-1]
    # A code left in the search field is first added and shown before anything is received.
    if act in {"", "receive"} and not delivery.product_q:
        return await _receive(delivery)
    focus, wrong = ("", "") if act in {"find", "count"} else await _step(delivery, act)
    return await _show(delivery, focus=focus, wrong=wrong, recounts=act == "count")


async def _step(delivery: Delivery, act: str) -> tuple[str, str]:
    """Add or remove a line; returns the next field and any wrong code."""
    if act.startswith("drop:"):
        dropped = read_whole(act[5:])
        delivery.lines = [line for place, line in enumerate(delivery.lines) if place != dropped]
        return "product_q", ""
    if not act.startswith("add:"):
        return await _take_in(delivery)
    quantity, _ = read_times(delivery.product_q)
    place = delivery.add(act[4:], quantity or 1)
    delivery.product_q = ""
    return f"quantity-{place}" if quantity is None else "product_q", ""


async def _take_in(delivery: Delivery) -> tuple[str, str]:
    """Handle Enter: add a line for the matching product; returns the next field and any wrong code."""
    quantity, words = read_times(delivery.product_q)
    if not words:
        return "product_q", ""
    found = await find_stock(db(), words, visible_to=current_actor(), most=1)
    if not found:
        return "product_q", words
    place = delivery.add(found[0].sku, quantity or 1)
    delivery.product_q = ""
    is_code = words.lower() in {found[0].sku.lower(), found[0].barcode.lower()}
    # After a scan or a typed quantity, continue with the next code; after a search by name, enter the quantity.
    return "product_q" if is_code or quantity is not None else f"quantity-{place}", ""


async def _receive(delivery: Delivery) -> Response:
    async def save(data: ReceiveGoods) -> str:
        return _describe(await receive_goods(db(), data, by=current_actor()))

    tried = await attempt_once("portal delivery", ReceiveGoods, save)
    if tried.result is None:
        return await _show(delivery, focus="product_q", tried=tried)
    toast, undo = tried.result.split("\n")
    return await redirect_to(LIST, toast=toast, undo=undo)


def _describe(receipts: list[Receipt]) -> str:
    """The toast, and on a second line the URL that undoes the delivery."""
    units = sum(receipt.quantity for receipt in receipts)
    products = len({receipt.product.id for receipt in receipts})
    toast = f"{format_plural(units, 'unit')} of {format_plural(products, 'product')} received"
    undo = with_query({"movement": [receipt.movement_id for receipt in receipts]})
    return f"{toast}\n{RECEIVE}/undo{undo}"


@blueprint.post(f"{RECEIVE}/undo")
@staff_page(Right.EDIT_STOCK)
async def undo_receiving() -> Response:
    """Undo receiving a delivery."""
    ids = [found for value in request.args.getlist("movement")[: MOST_LINES + 1] if (found := read_id(value))]
    await undo_delivery(db(), ids, by=current_actor())
    return await redirect_to(LIST, toast="Undone")


def read_delivery(typed: Mapping[str, str]) -> Delivery:
    """The delivery that a form sent, without its empty lines."""
    cells: dict[str, dict[str, str]] = {}
    for name, value in typed.items():
        if (found := _LINE_FIELD.fullmatch(name)) and value.strip():
            cells.setdefault(found[1], {})[found[2]] = value.strip()
    ordered = [cells[key] for key in sorted(cells, key=lambda key: (len(key), key))]
    return Delivery(
        vendor=typed.get("vendor", ""),
        vendor_id=typed.get("vendor_id", ""),
        note=typed.get("note", ""),
        product_q=typed.get("product_q", "").strip()[:80],
        step=read_count(typed.get("step", "")) or 0,
        form_key=typed.get(KEY, ""),
        lines=[(row.get("sku", ""), row.get("quantity", ""), row.get("unit_cost", "")) for row in ordered[:MOST_LINES]],
    )


async def _show(
    delivery: Delivery,
    *,
    focus: str = "",
    wrong: str = "",
    recounts: bool = False,
    tried: Attempt[Any] | None = None,
    kept: KeptDraft | None = None,
) -> Response:
    """The current form, or the block that the step requested."""
    me = current_actor()
    lines = _make_lines(delivery, await list_stock_by_code(db(), [line[0] for line in delivery.lines], visible_to=me))
    _, words = read_times(delivery.product_q)
    vendors = [("", "Not listed"), *((str(key), name) for key, name in await list_vendor_names(db()))]
    return await page_or_block(
        "products/inventory/receive.html",
        block=BLOCKS,
        status=tried.status if tried else 200,
        delivery=delivery,
        lines=lines,
        vendors=vendors if len(vendors) > 1 else [],
        units=sum(read_count(line.quantity) or 0 for line in lines),
        cost=sum(
            ((parse_money(line.unit_cost) or Decimal(0)) * (read_count(line.quantity) or 0) for line in lines),
            Decimal(0),
        ),
        hits=await find_stock(db(), words, visible_to=me) if words and not wrong else [],
        wrong=wrong,
        focus=focus,
        step=delivery.step + 1,
        recounts=recounts,
        kept=kept,
        errors=_name_lines(tried) if tried else {},
        problem=tried.problem if tried else "",
    )


def _make_lines(delivery: Delivery, products: Mapping[str, StockLine]) -> list[ShownLine]:
    """The lines with their products; the level includes other lines of the same product."""
    named = [products.get(sku.lower()) for sku, _, _ in delivery.lines]
    coming: Counter[int] = Counter()
    for product, (_, quantity, _) in zip(named, delivery.lines, strict=True):
        if product is not None:
            coming[product.id] += read_count(quantity) or 0
    return [
        ShownLine(
            place,
            *line,
            product=product,
            level=(product.stock_quantity or 0) + coming[product.id] if product else None,
        )
        for place, (line, product) in enumerate(zip(delivery.lines, named, strict=True))
    ]


def _name_lines(tried: Attempt[Any]) -> dict[str, str]:
    """The errors by the form's field names; the domain numbers only the filled lines."""
    filled = {
        found[1] for name, value in tried.typed.items() if value.strip() and (found := _LINE_FIELD.fullmatch(name))
    }
    keys = sorted(filled, key=lambda key: (len(key), key))
    counts_filled = tried.refusal is not None and tried.refusal.code == Code.UNKNOWN_PRODUCTS
    errors = {}
    for name, sentence in tried.errors.items():
        head, _, rest = name.partition(".")
        key, _, part = rest.partition(".")
        if head == "lines" and part:
            # The page numbers its lines again, without the empty ones.
            place = key if counts_filled else str(keys.index(key)) if key in keys else key
            errors[f"lines[{place}][{part}]"] = sentence
        else:
            errors[name] = sentence
    return errors
