"""Forms of subscriptions: changing one, and offering a substitute."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.subscriptions.change import UpdateSubscription, update_subscription
from domain.subscriptions.list_subscriptions import SubscriptionLine, get_subscription
from domain.subscriptions.substitute import OfferSubstitute, list_substitutes, offer_substitute
from portal.attempts import Attempt, attempt, refusal_of
from portal.merging import MergedAttempt, Present, attempt_merging, choose_version, keep_opened
from portal.render import page_or_block, redirect_to
from portal.subscriptions import LIST
from web.guards import staff_page
from web.request import current_actor, db, order_rules, settings

blueprint = Blueprint("portal_subscription_forms", __name__)
# The form's fields and their labels in a conflict.
FIELD_WORDS = {
    "quantity": "Quantity", "interval_days": "Interval in days", "discount_pct": "Discount",
    "next_renewal_date": "Next renewal", "delivery_name": "Deliver to", "delivery_address": "Street",
    "delivery_city": "City", "delivery_state": "State", "delivery_zip": "ZIP", "notes": "Notes",
}  # fmt: skip


@blueprint.get(f"{LIST}/<id:subscription_id>/edit")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def show_subscription_form(subscription_id: int) -> Response:
    """A subscription's product, dates and delivery, open for editing."""
    return await _show_form(await _read(subscription_id))


@blueprint.post(f"{LIST}/<id:subscription_id>/edit")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def save_subscription(subscription_id: int) -> Response:
    """Change the fields that differ; changes by a colleague or the customer in the meantime are merged."""

    async def save(data: UpdateSubscription, version: int | None) -> bool:
        zone, me = settings().timezone, current_actor()
        await update_subscription(db(), subscription_id, data, timezone=zone, by=me, version=version)
        return True

    async def read_present() -> Present:
        there = await _read(subscription_id)
        return Present(there.version, _write_values(there))

    tried = await attempt_merging(UpdateSubscription, save, read_present)
    if tried.result is None:
        return await _show_form(await _read(subscription_id), tried)
    return await redirect_to(f"{LIST}/{subscription_id}", toast="Subscription saved")


async def _read(subscription_id: int) -> SubscriptionLine:
    connection = await db().connection()
    return (await get_subscription(connection, subscription_id, rules=order_rules(), visible_to=current_actor())).line


async def _show_form(subscription: SubscriptionLine, tried: MergedAttempt[Any] | None = None) -> Response:
    """The form with the subscription's values, or after a refusal with the typed values."""
    there = _write_values(subscription)
    return await page_or_block(
        "subscriptions/edit.html",
        block="subscription_form",
        subscription=subscription,
        url=f"{LIST}/{subscription.id}",
        version=choose_version(tried, Present(subscription.version, there)),
        opened=keep_opened(tried, there),
        values=there | ({name: tried.typed.get(name, "") for name in there} if tried else {}),
        conflict=tried.describe_conflict(FIELD_WORDS) if tried else None,
        **refusal_of(tried),
    )


def _write_values(subscription: SubscriptionLine) -> dict[str, str]:
    return {name: str(getattr(subscription, name)) for name in FIELD_WORDS}


@blueprint.get(f"{LIST}/<id:subscription_id>/substitute")
@staff_page(Right.EDIT_SUBSCRIPTIONS)
async def show_substitutes(subscription_id: int) -> Response:
    """Products in stock that could be the substitute."""
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
