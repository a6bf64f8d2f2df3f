"""EasyPost's webhooks: stored once, then processed in any order and any number of times with the same end state.

An order becomes delivered once all its parcels are; problems in transit need attention; the result of a refund is
recorded on its label.
"""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.webhook_inbox import processes, store_event
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotConfigured
from domain.kernel.inputs import has_nul
from domain.orders.record import lock_order, move_locked_order
from domain.warehouse.label_steps import note_word, settle_refund_event
from integrations.easypost_answers import TrackerReport, read_event, read_tracker
from integrations.easypost_signature import BadSignature, verify_event
from integrations.errors import ServiceFailed
from models import Label, LabelState, Order, OrderStatus, Tracker, WebhookEvent
from settings import Settings

log = logging.getLogger(__name__)
PROVIDER = "easypost"
PATH = "/api/webhooks/easypost"
CARRIER = Actor(ActorKind.SYSTEM, name="The carrier")
_MOST_ORDERS = 20
# Only the data needed later is stored, because it says where people's parcels go.
_KEPT = (
    "id", "tracking_code", "carrier", "status", "est_delivery_date", "public_url", "tracking_details", "updated_at",
    "shipment_id",
)  # fmt: skip


async def receive_event(db: AsyncSession, body: bytes, headers: Mapping[str, str], *, settings: Settings) -> bool:
    """Store an event signed by EasyPost; False if already received.

    Raises InvalidInput for a bad signature or an unreadable event, and NotConfigured without the secret.
    """
    secret = settings.easypost_webhook_secret
    if not secret:
        raise NotConfigured("EasyPost events are not accepted: the setting EASYPOST_WEBHOOK_SECRET is missing.")
    try:
        first, second = verify_event(body, headers, secret, method="POST", path=PATH, at=now())
    except BadSignature as error:
        raise InvalidInput("This event was not signed by EasyPost.", code=Code.BAD_SIGNATURE) from error
    if first != second and "X-Hmac-Signature" in headers and "X-Hmac-Signature-V2" in headers:
        log.warning("Of an event's two signatures only the %s one fits", "first" if first else "second")
    try:
        event = read_event(orjson.loads(body))
    except (orjson.JSONDecodeError, ServiceFailed, AttributeError) as error:
        raise InvalidInput("The event can't be read.", code=Code.INVALID_JSON) from error
    kept = {name: event.result.get(name) for name in _KEPT if name in event.result}
    if has_nul([event.id, event.kind, kept]) or len(event.id) > 200:
        raise InvalidInput("The event can't be read.", code=Code.INVALID_JSON)
    return await store_event(db, PROVIDER, event.id, event.kind[:200], {"result": kept})


@processes(PROVIDER)
async def process_easypost_event(db: AsyncSession, event: WebhookEvent) -> None:
    """Process one event; events about unknown objects are ignored."""
    content: dict[str, Any] = event.payload
    result = content.get("result")
    if not isinstance(result, dict):
        return
    if event.kind.startswith("tracker."):
        try:
            word = read_tracker(result)
        except ServiceFailed:
            # A tracker without a number or an id can't be matched to anything.
            return
        await _follow_parcel(db, word)
    elif event.kind.startswith("refund."):
        shipment_id, status = result.get("shipment_id"), result.get("status")
        if isinstance(shipment_id, str) and isinstance(status, str):
            await settle_refund_event(db, shipment_id, status)


async def _follow_parcel(db: AsyncSession, word: TrackerReport) -> None:
    """Record the carrier's report on every order with this parcel, and update each order's status."""
    by_label = select(Label.order_id).where(
        Label.tracking_number == word.tracking_number, Label.state == LabelState.BOUGHT, Label.voided_at.is_(None)
    )
    by_tracker = select(Tracker.order_id).where(Tracker.tracking_number == word.tracking_number)
    found = await db.execute(by_label.union(by_tracker).order_by("order_id").limit(_MOST_ORDERS))
    for (order_id,) in found.all():
        order = await lock_order(db, order_id, visible_to=CARRIER)
        await note_word(db, order, word)
        await _move_order(db, order)


async def _move_order(db: AsyncSession, order: Order) -> None:
    """Mark an order delivered if all its parcels are."""
    trackers = list(
        (
            await db.execute(
                select(Tracker)
                .where(Tracker.order_id == order.id)
                .order_by(Tracker.id)
                .execution_options(populate_existing=True)
            )
        ).scalars()
    )
    waiting = await db.scalar(
        select(Label.id)
        .where(
            Label.order_id == order.id,
            Label.state == LabelState.BOUGHT,
            Label.voided_at.is_(None),
            Label.tracking_number.not_in([each.tracking_number for each in trackers if each.status == "delivered"]),
        )
        .limit(1)
    )
    is_delivered = waiting is None and all(tracker.status == "delivered" for tracker in trackers)
    open_states = {OrderStatus.CONFIRMED, OrderStatus.PACKED, OrderStatus.SHIPPED}
    if trackers and is_delivered and order.status in open_states and not order.on_hold:
        await move_locked_order(db, order, OrderStatus.DELIVERED, by=CARRIER, note="Delivered, by the carrier's word")
