"""Outgoing webhooks: the programs that are notified, the messages sent to each, and sending them again."""

from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.kernel.whole_numbers import read_id
from domain.webhooks import deliveries, endpoints
from models import DeliveryState
from portal.attempts import Attempt, attempt, refusal_of
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_webhooks", __name__)
LIST = "/portal/webhooks"
KIND_WORDS = {
    "order.placed": "Order placed",
    "order.paid": "Order paid",
    "order.shipped": "Order shipped",
    "order.delivered": "Order delivered",
    "order.cancelled": "Order cancelled",
    "product.low": "Product low",
    "test": "Test",
}
STATES = ((None, "All"), (DeliveryState.QUEUED, "Waiting"), (DeliveryState.FAILED, "Given up"))


@blueprint.get(LIST)
@staff_page(Right.EDIT_KEYS)
async def show_webhooks() -> Response:
    """All notified URLs, and the form for a new one."""
    return await _show_list(None)


@blueprint.post(LIST)
@staff_page(Right.EDIT_KEYS)
async def make_webhook() -> Response:
    """Add a URL and show its secret once."""
    tried = await attempt(
        endpoints.CreateEndpoint,
        lambda data: endpoints.create_endpoint(db(), data, needs_https=settings().is_production, by=current_actor()),
    )
    return await _show_list(tried)


@blueprint.get(f"{LIST}/<id:endpoint_id>")
@staff_page(Right.EDIT_KEYS)
async def show_webhook(endpoint_id: int) -> Response:
    """One URL with its newest messages."""
    return await _show_one(endpoint_id)


@blueprint.post(f"{LIST}/<id:endpoint_id>/secret")
@staff_page(Right.EDIT_KEYS)
async def rotate_webhook_secret(endpoint_id: int) -> Response:
    """Give the URL a new secret and show it once."""
    return await _show_one(endpoint_id, made=await endpoints.rotate_secret(db(), endpoint_id, by=current_actor()))


@blueprint.post(f"{LIST}/<id:endpoint_id>/test")
@staff_page(Right.EDIT_KEYS)
async def send_webhook_test(endpoint_id: int) -> Response:
    """Send a test message to the URL."""
    await deliveries.send_test(db(), endpoint_id, by=current_actor())
    return await redirect_to(f"{LIST}/{endpoint_id}", toast="Test message queued")


@blueprint.post(f"{LIST}/<id:endpoint_id>/active")
@staff_page(Right.EDIT_KEYS)
async def set_webhook_active(endpoint_id: int) -> Response:
    """Turn the URL off or on."""
    is_active = (await form_pairs()).get("active", [""])[-1] == "on"
    endpoint = await endpoints.set_active(db(), endpoint_id, is_active=is_active, by=current_actor())
    return await redirect_to(
        f"{LIST}/{endpoint_id}", toast=f"{endpoint.name} is {'on' if endpoint.is_active else 'off'}"
    )


@blueprint.post(f"{LIST}/<id:endpoint_id>/replay")
@staff_page(Right.EDIT_KEYS)
async def replay_webhook(endpoint_id: int) -> Response:
    """Send one message again, or all that were given up."""
    chosen = (await form_pairs()).get("delivery", [""])[-1]
    if (delivery_id := read_id(chosen)) is not None:
        await deliveries.replay_delivery(db(), endpoint_id, delivery_id, by=current_actor())
        toast = "Message queued again"
    else:
        count = await deliveries.replay_failed(db(), endpoint_id, by=current_actor())
        toast = f"{count} queued again" if count else "No message was given up"
    return await redirect_to(f"{LIST}/{endpoint_id}", toast=toast)


@blueprint.get(f"{LIST}/<id:endpoint_id>/delete")
@staff_page(Right.EDIT_KEYS)
async def show_delete_webhook(endpoint_id: int) -> Response:
    """Ask before deleting a URL with its messages."""
    endpoint = await endpoints.get_endpoint(db(), endpoint_id)
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        title=f"Delete {endpoint.name}?",
        url=f"{LIST}/{endpoint.id}/delete",
        verb="Delete",
        keep="Keep it",
        back_url=f"{LIST}/{endpoint.id}",
        text="Its messages are deleted too, including those still waiting. This can’t be undone.",
    )


@blueprint.post(f"{LIST}/<id:endpoint_id>/delete")
@staff_page(Right.EDIT_KEYS)
async def delete_webhook(endpoint_id: int) -> Response:
    """Delete the URL."""
    name = await endpoints.delete_endpoint(db(), endpoint_id, by=current_actor())
    return await redirect_to(LIST, toast=f"{name} deleted")


async def _show_list(tried: Attempt[Any] | None) -> Response:
    made = tried.result if tried is not None else None
    again = tried is not None and made is None
    known = await endpoints.list_endpoints(db())
    return await page_or_block(
        "administration/webhooks/list.html",
        made=made,
        endpoints=known,
        active=sum(endpoint.is_active for endpoint in known),
        kinds=[(kind.value, KIND_WORDS[kind.value]) for kind in endpoints.CHOSEN_KINDS],
        kind_words=KIND_WORDS,
        typed=tried.typed if tried is not None and again else {},
        chosen=(await form_pairs()).get("kinds", []) if again else [],
        **refusal_of(tried),
    )


async def _show_one(endpoint_id: int, *, made: endpoints.NewEndpoint | None = None) -> Response:
    asked = request.args.get("state", "")
    state = next((known for known, _ in STATES if known == asked), None)
    return await page_or_block(
        "administration/webhooks/endpoint.html",
        endpoint=await endpoints.get_endpoint(db(), endpoint_id),
        made=made,
        deliveries=await deliveries.list_deliveries(db(), endpoint_id, state=state),
        state=state,
        states=STATES,
        kind_words=KIND_WORDS,
    )
