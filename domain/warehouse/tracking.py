"""Tracking of a parcel: EasyPost's current report, or its last one, or at least the carrier's public page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound
from domain.orders.record import lock_order
from domain.warehouse.carriers import public_page
from domain.warehouse.label_steps import note_word
from domain.warehouse.queue import QueueRow, get_queue_row
from integrations.easypost_answers import TrackerReport
from integrations.easypost_client import EasyPostAccount, create_tracker, fetch_tracker
from integrations.errors import ServiceFailed
from models import Tracker
from models.session import current_database, separate_transaction
from settings import Settings

# Short, because somebody waits for the answer and there is a fallback.
TIMEOUT_SECONDS = 5
WORDS = {
    "pre_transit": "Label made, not with the carrier yet",
    "in_transit": "On its way",
    "out_for_delivery": "Out for delivery",
    "delivered": "Delivered",
    "available_for_pickup": "Ready to be picked up",
    "return_to_sender": "Comes back to us",
    "failure": "Could not be delivered",
    "cancelled": "Cancelled",
    "error": "The carrier reports an error",
    "unknown": "Nothing known yet",
}


@dataclass(frozen=True, slots=True)
class Tracking:
    """The state of the order's parcel, for its page and its API answer."""

    tracking_number: str
    carrier: str
    status: str
    est_delivery_date: datetime | None
    public_url: str | None
    tracking_details: list[dict[str, Any]]
    last_updated: datetime | None
    is_live: bool = False

    @property
    def status_label(self) -> str:
        """The status in words."""
        return WORDS.get(self.status, WORDS["unknown"])


async def track_order(order_number: str, *, visible_to: Actor, settings: Settings) -> Tracking:
    """Return where the order's parcel is now. Raises NotFound for an order without a tracking number."""
    async with current_database().session() as db:
        order = await get_queue_row(db, order_number, visible_to=visible_to)
        if not order.tracking_number:
            raise NotFound("The order has no tracking number yet.", code=Code.NO_TRACKING)
        number = order.tracking_number
        kept = await db.scalar(
            select(Tracker).where(Tracker.order_id == order.id, Tracker.tracking_number == number).limit(1)
        )
    if settings.easypost_api_key:
        account = EasyPostAccount(settings.easypost_api_key, settings.easypost_api_base, TIMEOUT_SECONDS)
        word = await _ask(account, number, order.carrier or "", kept)
        if word is not None:
            async with separate_transaction() as db:
                await note_word(db, await lock_order(db, order.id, visible_to=SYSTEM), word)
            return _show_word(word, order, number)
    return show_kept(kept, order)


async def _ask(account: EasyPostAccount, number: str, carrier: str, kept: Tracker | None) -> TrackerReport | None:
    """Return EasyPost's report, or None if it has none; a typed number is tracked from now on."""
    try:
        if kept is not None and kept.provider_id:
            return await fetch_tracker(account, kept.provider_id)
        return await create_tracker(account, number, carrier)
    except ServiceFailed:
        return None


def _show_word(word: TrackerReport, order: QueueRow, number: str) -> Tracking:
    carrier = word.carrier or order.carrier or ""
    page = word.public_url or public_page(carrier, number)
    details = [detail | {} for detail in word.details]
    status = word.status if word.status in WORDS else "unknown"
    return Tracking(number, carrier, status, word.expected_at, page, details, word.said_at, is_live=True)


def show_kept(kept: Tracker | None, order: QueueRow) -> Tracking:
    """Return what is known without asking."""
    number = order.tracking_number or ""
    page = public_page(order.carrier, number)
    if kept is None:
        return Tracking(number, order.carrier or "", "unknown", None, page, [], None)
    status = kept.status if kept.status in WORDS else "unknown"
    return Tracking(
        number,
        kept.carrier or order.carrier or "",
        status,
        kept.expected_at,
        kept.public_url or page,
        kept.details,
        kept.said_at or kept.updated_at,
    )
