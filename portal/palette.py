"""The command palette: live search results, pages and acts by name, and a text that starts an order."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup
from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncSession

from documents.filters import with_query
from domain.access.rights import Right, may
from domain.invoices.find import find_invoices
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput
from domain.order_desk.preview import OrderPreview, PreviewOrder, preview_order
from domain.orders.lines import OrderLine
from domain.orders.usual_items import get_buyer
from domain.search.find import Found, FoundCustomer, FoundProduct, search_everything
from domain.search.order_line import SpokenOrder, find_spoken_order
from models import Role
from portal.navigation import Link, list_links
from portal.orders.draft import Draft, start_draft
from portal.orders.new import usual_fee
from portal.render import list_pages, page_or_block
from portal.search import SearchQuery
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, order_rules, settings

blueprint = Blueprint("portal_palette", __name__)
NEW_ORDER = "/portal/orders/new"
MOST_INVOICES = 4
# Acts that are not pages of the navigation: word, icon, URL, right, key.
ACTS = (
    ("New order", "plus", NEW_ORDER, Right.ENTER_ORDERS, "Shift N"),
    ("Receive goods", "package", "/portal/inventory/receive", Right.EDIT_STOCK, ""),
    ("New invoice", "file-invoice", "/portal/invoices/new", Right.EDIT_INVOICES, ""),
    ("New product", "tag", "/portal/products/new", Right.EDIT_PRODUCTS, ""),
    ("New colleague", "user-plus", "/portal/staff/new", Right.EDIT_STAFF, ""),
    ("Your profile", "user", "/portal/profile", None, ""),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A page or an act that the palette opens."""

    words: str
    icon: str
    url: str
    note: str = ""
    keys: str = ""


@dataclass(frozen=True, slots=True)
class OrderHit:
    """The order described by the text, priced, with the form that places it."""

    spoken: SpokenOrder
    preview: OrderPreview | None
    draft: Draft | None
    url: str
    street: str

    @property
    def draft_lines(self) -> list[tuple[str, int]]:
        """The lines whose products were found."""
        return [(line.product.sku, line.quantity) for line in self.spoken.lines if line.product]


@blueprint.get("/portal/palette")
@staff_page()
@reads_query(SearchQuery)
async def show_palette(query: SearchQuery) -> Response:
    """The palette's results for the typed text; the pages if it is empty."""
    me, words = current_actor(), query.q.strip()
    hit = await find_order_hit(db(), words, me) if words else None
    found, invoices = Found([], [], []), []
    if words and hit is None:
        found = await search_everything(db(), words, visible_to=me, timezone=settings().timezone)
        invoices = await find_invoices(db(), words, visible_to=me, most=MOST_INVOICES)
    return await page_or_block(
        "search/palette.html",
        block="palette_hits",
        words=words,
        found=found,
        invoices=invoices,
        hit=hit,
        commands=find_commands(me, words, found.customers),
        customer_url=customer_url,
        product_url=product_url,
        swapped=swap_product,
        line_url=order_line_url,
        line_total=line_total,
        marked=lambda text: mark_words(text, words),
    )


async def find_order_hit(session: AsyncSession, words: str, me: Actor) -> OrderHit | None:
    """The order described by the text, with its prices and, if complete, the form that places it."""
    spoken = await find_spoken_order(session, words, visible_to=me)
    if spoken is None:
        return None
    lines = [(line.product.sku, line.quantity) for line in spoken.lines if line.product]
    customer = spoken.customer
    url = order_line_url(lines, customer)
    draft, street = None, ""
    if customer is not None:
        draft = start_draft()
        buyer = await get_buyer(session, customer.id, timezone=settings().timezone)
        draft.choose(buyer)
        draft.lines = [(sku, str(quantity)) for sku, quantity in lines]
        street = ", ".join(filter(None, (buyer.street, buyer.city, buyer.state)))
    priced = draft or Draft(lines=[(sku, str(quantity)) for sku, quantity in lines])
    products = {line.product.sku.lower(): line.product for line in spoken.lines if line.product}
    asked = PreviewOrder(
        items=[OrderLine(sku=sku, quantity=quantity) for sku, quantity in lines],
        customer_id=customer.id if customer else None,
        delivery_fee=usual_fee(priced, products),
    )
    try:
        preview = await preview_order(session, asked, by=me, rules=order_rules())
    except InvalidInput:
        preview = None
    can_place = spoken.is_whole and draft is not None and bool(draft.texts["delivery_address"])
    return OrderHit(spoken, preview, draft if can_place else None, url, street)


def order_line_url(lines: Iterable[tuple[str, int]], customer: FoundCustomer | None) -> str:
    """The URL of a new order with these lines."""
    asked = {"customer": customer.id if customer else None, "line": [f"{quantity}x{sku}" for sku, quantity in lines]}
    return NEW_ORDER + with_query(asked)


def swap_product(hit: OrderHit, place: int, product: FoundProduct) -> str:
    """The URL of the same order with a different product in one line."""
    lines = [
        (product.sku if number == place else line.product.sku, line.quantity)
        for number, line in enumerate(hit.spoken.lines)
        if line.product
    ]
    return order_line_url(lines, hit.spoken.customer)


def find_commands(me: Actor, words: str, customers: Sequence[FoundCustomer]) -> list[Command]:
    """The pages and acts that match the words, and the acts for the first customer found."""
    wanted = words.lower().split()
    pages = list_pages()

    def fits(label: str) -> bool:
        return all(any(part.startswith(word) for part in label.lower().split()) for word in wanted)

    links: tuple[Link, ...] = list_links(me, pages=pages)
    found = [
        Command(word, icon, url, keys=keys)
        for word, icon, url, right, keys in ACTS
        if url in pages and (right is None or may(me, right)) and fits(word)
    ]
    taken = {command.url for command in found}
    found += [
        Command(link.label, link.icon, link.url, keys=f"G {link.go.upper()}" if link.go else "")
        for link in links
        if link.url not in taken and fits(link.label)
    ]
    if wanted and customers and may(me, Right.ENTER_ORDERS):
        first = customers[0]
        name = first.company_name or first.name
        url = f"{NEW_ORDER}?customer={first.id}"
        found.insert(0, Command(f"New order for {name}", "plus", url, "usual items one key away"))
        if first.phone and not me.has_role(Role.WAREHOUSE):
            found.insert(1, Command(f"Orders of {name}", "shopping-cart", f"/portal/orders?customer_id={first.id}"))
    return found[:12]


def customer_url(customer: FoundCustomer) -> str:
    """The URL of a customer."""
    has_page = "/portal/customers" in list_pages()
    return f"/portal/customers/{customer.id}" if has_page else f"/portal/orders?customer_id={customer.id}"


def product_url(product: FoundProduct) -> str:
    """The URL of a product for this colleague."""
    me = current_actor()
    if may(me, Right.SEE_PRODUCT_PAGES):
        return f"/portal/products/{product.id}"
    if may(me, Right.EDIT_STOCK):
        return f"/portal/inventory/{product.id}"
    return "/portal/orders" + with_query({"search": product.sku})


def mark_words(text: str, words: str) -> Markup:
    """The text with the search words marked."""
    wanted = [re.escape(word) for word in re.findall(r"\w+", words)]
    if not wanted:
        return Markup.escape(text)
    parts = re.split(f"({'|'.join(wanted)})", text, flags=re.IGNORECASE)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if place % 2 else Markup.escape(part) for place, part in enumerate(parts)
    )


def line_total(hit: OrderHit, place: int) -> Decimal | None:
    """The total of a line; None if its product was not found."""
    if hit.preview is None or hit.spoken.lines[place].product is None:
        return None
    found = [line for line in hit.spoken.lines[:place] if line.product]
    return hit.preview.lines[len(found)].line_total
