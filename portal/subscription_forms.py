"""Forms of subscriptions: enrolling a customer, whose link asks for the card, and offering a product that stands in."""

from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.customers.rows import get_customer
from domain.search.find import find_customers
from domain.subscriptions.enrol import Enrolment
from domain.subscriptions.enrol_by_link import enrol_by_link
from domain.subscriptions.substitute import OfferSubstitute, list_substitutes, offer_substitute
from domain.subscriptions.suggest_interval import SuggestInterval, suggest_interval
from models.session import current_database
from portal.attempts import Attempt, attempt, refusal_of
from portal.render import page_or_block, redirect_to
from portal.subscriptions import LIST
from web.guards import staff_page
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_subscription_forms", __name__)


@blueprint.get(f"{LIST}/new")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def show_enrolment() -> Response:
    """Choose the customer, then what they get and how often."""
    chosen = request.args.get("customer", "")
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 10):
        words = request.args.get("q", "")
        async with current_database().reading() as connection:
            found = await find_customers(connection, words[:200], visible_to=current_actor())
        return await page_or_block("subscriptions/choose.html", block="choose", q=words, found=found)
    return await _show_form(int(chosen))


@blueprint.post(f"{LIST}/new")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def enrol() -> Response:
    """Enrol the customer and mail the link at which a card is saved."""

    async def save(data: Enrolment) -> int:
        made = await enrol_by_link(db(), data, timezone=settings().timezone, by=current_actor(), settings=settings())
        return made.id

    tried = await attempt(Enrolment, save)
    if tried.result is None:
        chosen = tried.typed.get("user_id", "")
        return await _show_form(int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 10 else 0, tried)
    return await redirect_to(f"{LIST}/{tried.result}", toast="The link is mailed. It begins once a card is saved.")


async def _show_form(customer_id: int, tried: Attempt[Any] | None = None) -> Response:
    async with current_database().reading() as connection:
        customer = await get_customer(connection, customer_id)
        sku = (tried.typed if tried else request.args).get("product_sku", "")[:60]
        suggestion = await suggest_interval(
            connection, customer_id, SuggestInterval(sku=sku or None),
            timezone=settings().timezone, visible_to=current_actor(),
        )  # fmt: skip
    known = {
        "product_sku": sku, "quantity": "4", "interval_days": str(suggestion.suggested_interval_days or 28),
        "discount_pct": "5", "delivery_name": customer.name, "delivery_company": customer.company_name,
        "delivery_phone": customer.phone or "", "delivery_email": customer.email or "",
        "delivery_address": customer.shipping_street, "delivery_city": customer.shipping_city,
        "delivery_state": customer.shipping_state, "delivery_zip": customer.shipping_zip,
    }  # fmt: skip
    return await page_or_block(
        "subscriptions/enrol.html",
        block="enrol_form",
        customer=customer,
        suggestion=suggestion,
        values=tried.typed if tried else known,
        **refusal_of(tried),
        url=f"{LIST}/new",
        back_url=LIST,
    )


@blueprint.get(f"{LIST}/<id:subscription_id>/substitute")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def show_substitutes(subscription_id: int) -> Response:
    """Products in stock that could stand in."""
    return await _show_substitutes(subscription_id)


@blueprint.post(f"{LIST}/<id:subscription_id>/substitute")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def offer(subscription_id: int) -> Response:
    """Mail the customer the offer of another product for the next renewal."""

    async def save(data: OfferSubstitute) -> str:
        return await offer_substitute(db(), subscription_id, data, by=current_actor(), settings=settings())

    tried = await attempt(OfferSubstitute, save)
    if tried.result is None:
        return await _show_substitutes(subscription_id, tried)
    return await redirect_to(f"{LIST}/{subscription_id}", toast=f"The offer is mailed to {tried.result}")


async def _show_substitutes(subscription_id: int, tried: Attempt[Any] | None = None) -> Response:
    found = await list_substitutes(db(), subscription_id, visible_to=current_actor())
    return await page_or_block(
        "subscriptions/substitute.html",
        block="dialog",
        products=[(str(row.id), f"{row.name} ({row.sku})") for row in found],
        url=f"{LIST}/{subscription_id}/substitute",
        back_url=f"{LIST}/{subscription_id}",
        **refusal_of(tried),
    )
