"""How an order's progress and timeline read: steps, and entries with their icon, tone and words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.order_desk.order_page import OrderPage
from domain.orders.queries import EventRow
from domain.orders.statuses import WAY_FORWARD
from models import OrderStatus

STATUS_LOOKS = {
    OrderStatus.PENDING: ("Pending", "clock", ""),
    OrderStatus.CONFIRMED: ("Confirmed", "check", "info"),
    OrderStatus.PACKED: ("Packed", "package", "info"),
    OrderStatus.SHIPPED: ("Shipped", "truck", "info"),
    OrderStatus.DELIVERED: ("Delivered", "home", "good"),
    OrderStatus.CANCELLED: ("Cancelled", "ban", ""),
}
FIELD_WORDS = {
    "delivery_name": "Name",
    "delivery_first_name": "First name",
    "delivery_last_name": "Last name",
    "delivery_company": "Company",
    "delivery_address": "Street",
    "delivery_city": "City",
    "delivery_state": "State",
    "delivery_zip": "ZIP",
    "delivery_phone": "Phone",
    "delivery_email": "Email",
    "assigned_to": "Looked after by",
    "tracking_number": "Tracking",
    "carrier": "Carrier",
    "total_amount": "Total",
}
# Kinds whose entry is one sentence: its icon, its tone and its words; the amount follows where one is kept.
KIND_LOOKS = {
    "placed": ("plus", "", "Placed"),
    "paid": ("cash", "good", "Payment received"),
    "credit_used": ("coin", "", "Store credit used"),
    "attended": ("circle-check", "good", "Dealt with"),
    "released": ("lock-open", "good", "Released from hold"),
    "held": ("lock", "warn", "On hold"),
    "covered": ("lock-open", "good", "Covered by terms"),
    "assigned": ("user-check", "", "Assigned to"),
    "items": ("pencil", "", "Items changed"),
    "refunded": ("arrow-back-up", "", "Refunded"),
    "reversed": ("arrow-back-up", "warn", "Payment taken back"),
    "refund_failed": ("alert-circle", "bad", "Refund failed"),
    "payment_pending": ("hourglass", "", "Bank payment under way"),
    "payment_failed": ("alert-circle", "bad", "Payment failed"),
    "pay_link_sent": ("send", "", "Pay link made"),
    "check_sent": ("camera", "", "Check sent for review"),
    "check_rejected": ("x", "bad", "Check rejected"),
    "disputed": ("alert-triangle", "bad", "Disputed by the cardholder"),
    "dispute_lost": ("alert-circle", "bad", "Dispute lost"),
    "dispute_won": ("circle-check", "good", "Dispute won"),
    "picked": ("checkbox", "", "Picked"),
    "set_aside": ("player-track-next", "warn", "Set aside"),
    "taken_up": ("package", "", "Taken up again"),
    "packed_short": ("package", "warn", "Ships short"),
    "pack_overridden": ("lock-open", "warn", "Label allowed before all was scanned"),
    "label_bought": ("tag", "", "Label bought"),
    "label_voided": ("ban", "", "Label voided"),
    "label_deleted": ("trash", "", "Label's record deleted"),
    "label_refund_rejected": ("alert-circle", "bad", "Refund of a label rejected"),
    "linked": ("link", "", "Linked to an account"),
    "unlinked": ("user-off", "", "Account taken off"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way; `note` is the time beneath it."""

    word: str
    icon: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of the timeline as the shared macro draws it."""

    icon: str
    tone: str
    text: str
    before: str
    after: str
    note: str
    who: str
    at: datetime


def make_steps(shown: OrderPage, write_time: Any) -> list[Step]:
    """The steps of an order: done ones with their time, the next one named, a cancelled one's cut short."""
    order = shown.order
    times = {status: getattr(order, f"{status}_at", None) for status in WAY_FORWARD}
    times[OrderStatus.PENDING] = order.created_at
    if order.status == OrderStatus.CANCELLED:
        reached = [status for status in WAY_FORWARD if times[status] is not None]
        steps = [_step(status, "done", write_time(times[status])) for status in reached]
        return [*steps, _step(OrderStatus.CANCELLED, "next", write_time(order.cancelled_at))]
    place = WAY_FORWARD.index(OrderStatus(order.status))
    steps = []
    for number, status in enumerate(WAY_FORWARD):
        if number <= place:
            steps.append(_step(status, "done", write_time(times[status]) if times[status] else ""))
        elif number == place + 1:
            steps.append(_step(status, "next", "Waits for credit" if order.on_hold else "Next"))
        else:
            steps.append(_step(status, "", ""))
    return steps


def _step(status: OrderStatus, state: str, note: str) -> Step:
    word, icon, _ = STATUS_LOOKS[status]
    return Step(word, icon, state, note)


def make_timeline(events: list[EventRow]) -> list[TimelineEntry]:
    """The timeline's entries, newest first; an event that changed several fields becomes an entry for each."""
    return [entry for event in events for entry in _read_event(event)]


def _read_event(event: EventRow) -> Iterator[TimelineEntry]:
    who, at = event.actor_name, event.created_at
    changes = event.changes or {}
    if event.kind == "moved" and event.to_status in set(OrderStatus):
        word, icon, tone = STATUS_LOOKS[OrderStatus(event.to_status)]
        before = STATUS_LOOKS[OrderStatus(event.from_status)][0] if event.from_status else ""
        note = event.note
        if credit := changes.get("credit_returned"):
            note = f"{note} {credit} of store credit given back.".strip()
        yield TimelineEntry(icon, tone, "", before, word, note, who, at)
        return
    if event.kind == "note" and "staff_notes" in changes:
        yield TimelineEntry("note", "", "Note", "", "", str(changes["staff_notes"].get("to", "")), who, at)
    fields = {name: change for name, change in changes.items() if name in FIELD_WORDS and isinstance(change, dict)}
    if event.kind in {"address", "note"}:
        icon = "map-pin" if event.kind == "address" else "truck"
        for name, change in fields.items():
            own = "user" if name == "assigned_to" else icon
            yield TimelineEntry(
                own, "", FIELD_WORDS[name], _write(change.get("from")), _write(change.get("to")), "", who, at
            )
        return
    yield _describe(event, fields)


def _describe(event: EventRow, fields: dict[str, Any]) -> TimelineEntry:
    who, at, changes = event.actor_name, event.created_at, event.changes or {}
    icon, tone, text = KIND_LOOKS.get(event.kind, ("history", "", event.kind.replace("_", " ").capitalize()))
    if event.kind in {"placed", "assigned", "linked"}:
        # The note of these two says all of it.
        text = event.note if event.kind != "assigned" and event.note else f"{text} {event.note}".strip()
        return TimelineEntry(icon, tone, text, "", "", "", who, at)
    if event.kind == "items" and "total_amount" in fields:
        change = fields["total_amount"]
        return TimelineEntry(icon, tone, "Items changed, total", change["from"], change["to"], event.note, who, at)
    amount = changes.get("amount", "")
    return TimelineEntry(icon, tone, f"{text}, {amount}" if amount else text, "", "", event.note, who, at)


def _write(value: Any) -> str:
    return "" if value is None else str(value)
