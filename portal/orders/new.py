"""Entering an order by keyboard only: Enter selects the best result, Ctrl+Enter places the order.

Each step sends the whole form and gets it back changed, so the page works without a script.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.inputs import read_values
from domain.kernel.money import parse_money
from domain.kernel.whole_numbers import read_id, read_whole
from domain.order_desk.enter import EnterOrder, enter_order
from domain.order_desk.preview import OrderPreview, PreviewOrder, preview_order
from domain.orders.line_facts import LineFacts, list_line_facts
from domain.orders.queries import get_order
from domain.orders.totals import calculate_delivery_fee, price_line
from domain.orders.usual_items import Buyer, get_buyer, list_lines
from domain.search.find import FoundCustomer, FoundProduct, find_customers, find_products, list_products_by_sku
from domain.staff.drafts import KeptDraft
from models import Role
from portal.attempts import Attempt, attempt
from portal.drafts import find_shown_draft
from portal.once import do_once
from portal.orders.draft import MOST_DRAFT_LINES, Draft, read_discount, read_draft, read_times, start_draft
from portal.orders.item_entry import NO_DISCOUNT
from portal.orders.order import DELIVERY_WORDS, METHOD_WORDS, TERM_WORDS
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db, order_rules, settings

blueprint = Blueprint("portal_new_order", __name__)
NEW_ORDER = "/portal/orders/new"
BLOCKS = ("new_order", "customer_hits", "product_hits", "order_sums")


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line on the page; a product that is not sold has only its SKU."""

    place: int
    sku: str
    quantity: str
    product: FoundProduct | None
    unit_price: Decimal | None
    is_bulk: bool
    line_total: Decimal | None
    is_short: bool
    facts: LineFacts | None


@blueprint.get("/portal/orders/new")
@staff_page(Right.ENTER_ORDERS)
async def show_new_order() -> Response:
    """An empty form; with `from`, a copy of an earlier order; with `customer` and `line`, a prefilled one."""
    draft, buyer, kept = start_draft(), None, None
    if not request.args.keys() - {"draft"} and (kept := await find_shown_draft(NEW_ORDER)) is not None:
        draft = read_draft(kept.form)
        draft.texts["form_key"] = draft.texts["form_key"] or start_draft().texts["form_key"]
        buyer = await _find_buyer_again(draft)
    elif number := request.args.get("from"):
        order = await get_order(db(), number, visible_to=current_actor())
        if order.customer_id is not None:
            buyer = await _read_buyer(order.customer_id)
            draft.choose(buyer)
        else:
            draft.choose_guest()
            draft.texts |= {name: getattr(order, name) or "" for name in DELIVERY_WORDS}
        draft.lines = [(sku, str(quantity)) for sku, quantity in await list_lines(db(), order.id)]
    elif (customer_id := read_id(request.args.get("customer", ""))) is not None:
        buyer = await _read_buyer(customer_id)
        draft.choose(buyer)
    for line in request.args.getlist("line")[:MOST_DRAFT_LINES]:
        quantity, sku = read_times(line[:80])
        draft.add(sku, quantity or 1)
    return await _show(draft, buyer, focus="product_q" if draft.has_buyer else "customer_q", kept=kept)


async def _find_buyer_again(draft: Draft) -> Buyer | None:
    """The draft's customer; if deleted in the meantime, a new one must be chosen."""
    if draft.customer_id is None:
        return None
    try:
        return await _read_buyer(draft.customer_id)
    except NotFound:
        draft.forget_buyer()
        return None


@blueprint.post("/portal/orders/new")
@staff_page(Right.ENTER_ORDERS)
async def change_new_order() -> Response:
    """Do one step on the form, or place the order."""
    pairs = await form_pairs()
    draft, act = read_draft(pairs), pairs.get("act", ["enter"])[-1]
    if act == "place":
        return await _place(draft)
    buyer = await _read_buyer(draft.customer_id) if draft.customer_id is not None else None
    focus = ""
    if act.startswith("customer:") and (customer_id := read_id(act[9:])) is not None:
        buyer, focus = await _read_buyer(customer_id), "product_q"
        draft.choose(buyer)
    elif act == "guest":
        draft.choose_guest()
        focus = "delivery_name"
    elif act == "other":
        draft.forget_buyer()
        buyer, focus = None, "customer_q"
    elif act.startswith("drop:"):
        dropped = read_whole(act[5:])
        draft.lines = [line for place, line in enumerate(draft.lines) if place != dropped]
        focus = "product_q"
    elif act.startswith("add:"):
        quantity, _ = read_times(draft.texts.get("product_q", ""))
        place = draft.add(act[4:], quantity or 1)
        draft.texts["product_q"] = ""
        focus = f"quantity-{place}" if quantity is None else "product_q"
    elif act == "last" and buyer is not None and buyer.last_order is not None:
        for sku, quantity in buyer.last_order.lines:
            draft.add(sku, quantity)
        focus = "product_q"
    elif act == "enter":
        buyer, focus = await _choose_best_match(draft, buyer)
    return await _show(draft, buyer, focus=focus, act=act)


async def _choose_best_match(draft: Draft, buyer: Buyer | None) -> tuple[Buyer | None, str]:
    """Handle Enter: select the best customer or product for the typed text, otherwise go to the next field."""
    me = current_actor()
    if not draft.has_buyer and (words := draft.texts.get("customer_q", "")):
        found = await find_customers(db(), words, visible_to=me, most=1)
        if not found:
            return None, "customer_q"
        buyer = await _read_buyer(found[0].id)
        draft.choose(buyer)
        return buyer, "product_q"
    if words := draft.texts.get("product_q", ""):
        quantity, name = read_times(words)
        products = await find_products(db(), name, visible_to=me, most=1)
        if not products:
            return buyer, "product_q"
        draft.texts["product_q"] = ""
        place = draft.add(products[0].sku, quantity or 1)
        # After a typed quantity, continue with the next line.
        return buyer, f"quantity-{place}" if quantity is None else "product_q"
    return buyer, "product_q" if draft.has_buyer else "customer_q"


async def _place(draft: Draft) -> Response:
    """Place the order once: the same form sent again leads to the same order."""
    me, fields = current_actor(), await _read_fields(draft)
    key = draft.texts.get("form_key", "")
    body = "\n".join(f"{name}={value}" for name, (value,) in sorted(fields.items()) if name != "delivery_fee")

    async def place(data: EnterOrder) -> str:
        async def enter() -> str:
            return (await enter_order(db(), data, by=me, rules=order_rules())).written.order_number

        return await do_once("portal new order", key, body, enter)

    tried = await attempt(EnterOrder, place, pairs=fields)
    if tried.result is not None:
        return await redirect_to(f"/portal/orders/{tried.result}", toast=f"{tried.result} is placed")
    buyer = await _read_buyer(draft.customer_id) if draft.customer_id is not None else None
    return await _show(draft, buyer, tried=tried)


async def _read_fields(draft: Draft) -> dict[str, list[str]]:
    """The form as `EnterOrder`: an empty fee is the usual one, a rep's order is unpaid."""
    fields = {
        name: [value] for name, value in draft.texts.items() if value and name not in {"guest", "form_key", "step"}
    }
    for place, (sku, quantity) in enumerate(draft.lines):
        fields |= {f"items[{place}][sku]": [sku], f"items[{place}][quantity]": [quantity]}
    products = await list_products_by_sku(db(), [sku for sku, _ in draft.lines], visible_to=current_actor())
    if "discount_amount" in fields:
        discount = read_discount(fields["discount_amount"][0], add_up(draft, products))
        fields["discount_amount"] = [str(discount) if discount is not None else fields["discount_amount"][0]]
    if current_actor().has_role(Role.SALES_REP):
        fields["payment_status"] = ["unpaid"]
    elif "delivery_fee" not in fields:
        fields["delivery_fee"] = [str(usual_fee(draft, products))]
    return fields


def usual_fee(draft: Draft, products: dict[str, FoundProduct]) -> Decimal:
    """The usual fee for an order of these lines."""
    rules = order_rules()
    subtotal = add_up(draft, products)
    return calculate_delivery_fee(subtotal, free_from=rules.free_delivery_minimum, fee=rules.delivery_fee)


def add_up(draft: Draft, products: dict[str, FoundProduct]) -> Decimal:
    """The subtotal of these lines."""
    return sum(
        (
            price_line(
                quantity,
                unit_price=product.unit_price or Decimal(0),
                bulk_price=product.bulk_price,
                bulk_quantity=product.bulk_quantity,
            ).line_total
            for _, sku, quantity in draft.counted_lines()
            if (product := products.get(sku.lower())) is not None
        ),
        Decimal(0),
    )


async def _show(
    draft: Draft,
    buyer: Buyer | None,
    *,
    focus: str = "",
    act: str = "",
    tried: Attempt[Any] | None = None,
    kept: KeptDraft | None = None,
) -> Response:
    """The current form, or the block that the step requested."""
    me = current_actor()
    products = await list_products_by_sku(db(), [sku for sku, _ in draft.lines], visible_to=me)
    preview = await _preview(draft, products)
    facts = await list_line_facts(
        db(), {product.id for product in products.values()}, customer_id=draft.customer_id, reader=me
    )
    words = draft.texts.get("product_q", "")
    _, name = read_times(words)
    hits = await find_products(db(), name, visible_to=me) if name else []
    return await page_or_block(
        "orders/new.html",
        block=BLOCKS,
        status=tried.status if tried else 200,
        draft=draft,
        kept=kept,
        texts=draft.texts,
        buyer=buyer,
        lines=_make_lines(draft, products, preview, facts),
        preview=preview,
        customer_hits=await _find_buyers(draft),
        product_hits=hits,
        wrong=name if act == "enter" and not hits else "",
        focus=focus,
        step=draft.step + 1,
        repricing=act == "price",
        discount_problem=""
        if read_discount(draft.texts.get("discount_amount", ""), Decimal(0)) is not None
        else NO_DISCOUNT,
        errors=tried.errors if tried else {},
        problem=tried.refusal.message if tried and tried.refusal else "",
        is_refused_terms=tried is not None and tried.is_refused_terms,
        methods=METHOD_WORDS,
        term_words=TERM_WORDS,
        most_discount=order_rules().rep_max_discount_pct if me.has_role(Role.SALES_REP) else None,
        is_rep=me.has_role(Role.SALES_REP),
        usual_fee=usual_fee(draft, products),
    )


async def _find_buyers(draft: Draft) -> list[FoundCustomer]:
    """The matching customers, as long as none is chosen."""
    if draft.has_buyer:
        return []
    return await find_customers(db(), draft.texts.get("customer_q", ""), visible_to=current_actor())


async def _preview(draft: Draft, products: dict[str, FoundProduct]) -> OrderPreview | None:
    """The totals of the lines so far; None if none can be priced."""
    items = [
        {"sku": sku, "quantity": quantity} for _, sku, quantity in draft.counted_lines() if sku.lower() in products
    ]
    if not items:
        return None
    discount = read_discount(draft.texts.get("discount_amount", ""), add_up(draft, products))
    fee = parse_money(draft.texts["delivery_fee"]) if draft.texts.get("delivery_fee") else usual_fee(draft, products)
    wanted = {
        "items": items,
        "discount_amount": discount if discount is not None else Decimal(0),
        "delivery_fee": fee if fee is not None and fee >= 0 else Decimal(0),
        "customer_id": draft.customer_id,
    }
    try:
        asked = read_values(PreviewOrder, wanted)
        return await preview_order(db(), asked, by=current_actor(), rules=order_rules())
    except InvalidInput:
        # Exceeds the largest amount: placing the order reports it at the fields.
        return None


def _make_lines(
    draft: Draft, products: dict[str, FoundProduct], preview: OrderPreview | None, facts: dict[int, LineFacts]
) -> list[DraftLine]:
    """The lines of the draft with their prices."""
    counted = [place for place, sku, _ in draft.counted_lines() if sku.lower() in products]
    priced = dict(zip(counted, preview.lines, strict=True)) if preview else {}
    lines = []
    for place, (sku, quantity) in enumerate(draft.lines):
        product, line = products.get(sku.lower()), priced.get(place)
        level = product.stock_quantity if product else None
        is_short = product is not None and (
            not product.is_in_stock or (level is not None and line is not None and line.quantity > level)
        )
        lines.append(
            DraftLine(
                place=place,
                sku=sku,
                quantity=quantity,
                product=product,
                unit_price=line.unit_price if line else product.unit_price if product else None,
                is_bulk=line.is_bulk_price if line else False,
                line_total=line.line_total if line else None,
                is_short=is_short,
                facts=facts.get(product.id) if product else None,
            )
        )
    return lines


async def _read_buyer(customer_id: int) -> Buyer:
    return await get_buyer(db(), customer_id, timezone=settings().timezone)
