"""Enrolling a customer in a subscription: customer, product, interval, and payment method.

Choosing the product sends the form and gets it back, so the page works without a script.
"""

from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_date
from domain.access.rights import Right
from domain.customers.rows import CustomerRow, get_customer
from domain.kernel.whole_numbers import read_id, read_whole
from domain.payments.pay_link import SendBy
from domain.search.find import FoundProduct, find_customers, find_products, list_products_by_sku
from domain.staff.drafts import KeptDraft
from domain.subscriptions.enrol_at_desk import EnrolAtDesk, enrol_at_desk
from domain.subscriptions.saved_methods import SavedMethodLine, list_saved_methods
from domain.subscriptions.suggest_interval import IntervalSuggestion, SuggestInterval, suggest_interval
from models import Channel, SavedPayment
from models.session import current_database
from portal.attempts import Attempt, Typed, attempt, refusal_of
from portal.drafts import find_shown_draft
from portal.orders.draft import read_times
from portal.outgoing import say_leaving
from portal.render import page_or_block, redirect_to
from portal.subscriptions import LIST
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_subscription_enrol", __name__)
USUAL_DAYS, USUAL_UNITS, USUAL_DISCOUNT = "28", "4", "5"
WAYS = [("email", "Mail a link that asks for a card"), ("text", "Text a link that asks for a card")]


@blueprint.get(f"{LIST}/new")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def show_enrolment() -> Response:
    """Choose the customer, then the product and interval."""
    chosen = read_id(request.args.get("customer", ""))
    if chosen is None:
        words = request.args.get("q", "")
        async with current_database().reading() as connection:
            found = await find_customers(connection, words[:200], visible_to=current_actor())
        return await page_or_block("subscriptions/choose.html", block="choose", q=words, found=found)
    customer = await get_customer(db(), chosen)
    typed, kept = _start(customer), await find_shown_draft(_draft_page(customer))
    if kept is not None:
        typed = Typed({name: values[-1] for name, values in kept.form.items()} | {"user_id": str(customer.id)})
    elif sku := request.args.get("product_sku", "")[:60]:
        await _choose(typed, sku, customer.id)
    return await _show(customer, typed, kept=kept)


@blueprint.post(f"{LIST}/new")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def enrol() -> Response:
    """Do one step on the form, or enrol the customer."""
    pairs = await form_pairs()
    typed = Typed({name: values[-1] for name, values in pairs.items()})
    customer = await get_customer(db(), read_id(typed["user_id"]) or 0)
    if (shown := await _do_step(customer, typed)) is not None:
        return shown
    tried = await attempt(EnrolAtDesk, _save, pairs=pairs | _read_payment(typed["pays_with"]))
    if tried.result is None:
        return await _show(customer, typed, tried=tried)
    number, toast = tried.result
    return await redirect_to(f"{LIST}/{number}", toast=toast)


async def _do_step(customer: CustomerRow, typed: Typed) -> Response | None:
    """The form after a step; None if the customer should be enrolled."""
    act, (_, words) = typed["act"], read_times(typed["product_q"][:200])
    if act == "find":
        return await _show(customer, typed)
    if act == "other":
        typed |= {"product_sku": "", "product_q": ""}
        return await _show(customer, typed, focus="product_q")
    if act.startswith("add:"):
        return await _take(customer, typed, act[4:64])
    if act != "enter" or not words or typed["product_sku"]:
        return None
    found = await find_products(db(), words, visible_to=current_actor(), most=1)
    return await (_take(customer, typed, found[0].sku) if found else _show(customer, typed, wrong=words))


async def _save(data: EnrolAtDesk) -> tuple[int, str]:
    """The id of the subscription, and the outcome as a sentence."""
    made = await enrol_at_desk(db(), data, timezone=settings().timezone, by=current_actor(), settings=settings())
    if made.stripe_payment_method_id:
        return made.id, f"Enrolled. It renews on {format_date(made.next_renewal_date)}."
    way, to = (
        (Channel.TEXT, made.delivery_phone) if data.send_by is SendBy.TEXT else (Channel.EMAIL, made.delivery_email)
    )
    return made.id, f"The link {await say_leaving(way, to or '')}. The subscription begins once a card is saved."


def _read_payment(chosen: str) -> dict[str, list[str]]:
    """The choices of one select: a saved payment method by its subscription, or how to send the link."""
    return {"saved_with": [chosen]} if read_id(chosen) is not None else {"send_by": [chosen or "email"]}


async def _take(customer: CustomerRow, typed: Typed, sku: str) -> Response:
    """Choose the product, possibly with a quantity in front; its orders suggest the interval."""
    quantity, _ = read_times(typed["product_q"])
    if quantity is not None:
        typed["quantity"] = str(quantity)
    await _choose(typed, sku, customer.id)
    return await _show(customer, typed, focus="quantity")


async def _choose(typed: Typed, sku: str, customer_id: int) -> None:
    """Add the product to the form; an unchanged interval takes the suggestion."""
    before = typed["suggested"] or USUAL_DAYS
    typed |= {"product_sku": sku, "product_q": ""}
    suggestion = await _suggest(customer_id, sku)
    if typed["interval_days"] in {"", before}:
        typed["interval_days"] = str(suggestion.suggested_interval_days or USUAL_DAYS)


def _draft_page(customer: CustomerRow) -> str:
    """The form's path, under which its draft is stored."""
    return f"{LIST}/new?customer={customer.id}"


def _start(customer: CustomerRow) -> Typed:
    return Typed({
        "user_id": str(customer.id), "quantity": USUAL_UNITS, "discount_pct": USUAL_DISCOUNT,
        "delivery_name": customer.name, "delivery_company": customer.company_name,
        "delivery_phone": customer.phone or "", "delivery_email": customer.email or "",
        "delivery_address": customer.shipping_street, "delivery_city": customer.shipping_city,
        "delivery_state": customer.shipping_state, "delivery_zip": customer.shipping_zip,
    })  # fmt: skip


async def _suggest(customer_id: int, sku: str) -> IntervalSuggestion:
    asked, zone = SuggestInterval(sku=sku or None), settings().timezone
    connection = await db().connection()
    return await suggest_interval(connection, customer_id, asked, timezone=zone, visible_to=current_actor())


async def _show(
    customer: CustomerRow,
    typed: Typed,
    *,
    tried: Attempt[Any] | None = None,
    focus: str = "",
    wrong: str = "",
    kept: KeptDraft | None = None,
) -> Response:
    """The current form, or only the search results."""
    me = current_actor()
    sku = typed["product_sku"][:60]
    product = (await list_products_by_sku(db(), [sku], visible_to=me)).get(sku.strip().lower()) if sku else None
    suggestion = await _suggest(customer.id, sku if product else "")
    typed["interval_days"] = typed["interval_days"] or str(suggestion.suggested_interval_days or USUAL_DAYS)
    _, words = read_times(typed["product_q"][:200])
    hits: list[FoundProduct] = await find_products(db(), words, visible_to=me) if words and not product else []
    saved = await list_saved_methods(db(), customer.id, visible_to=me)
    return await page_or_block(
        "subscriptions/enrol.html",
        block=("enrol_form", "product_hits"),
        customer=customer,
        kept=kept,
        draft_page=_draft_page(customer),
        product=product,
        suggestion=suggestion,
        values=typed,
        hits=hits,
        words=words,
        wrong=wrong,
        focus=focus or ("" if product or tried else "product_q"),
        step=(read_whole(typed["step"], most=999_999) or 0) + (typed["act"] != "find"),
        ways=[*_word_methods(saved), *WAYS],
        **refusal_of(tried),
        url=f"{LIST}/new",
        back_url=LIST,
    )


def _word_methods(saved: list[SavedMethodLine]) -> list[tuple[str, str]]:
    """The methods as options; one that Stripe has not described yet is named by its kind."""
    kinds = {SavedPayment.ACH: "Saved bank account"}
    return [
        (str(line.subscription_id), line.pays_by or kinds.get(SavedPayment(line.payment_type), "Saved card"))
        for line in saved
    ]
