"""An order's progress and timeline: steps, and entries with icon, tone and text."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.order_desk.order_page import OrderPage
from domain.orders.queries import EventRow
from domain.orders.statuses import WAY_FORWARD
from models import OrderEventKind, OrderStatus

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
    "assigned_to": "Assigned to",
    "tracking_number": "Tracking",
    "carrier": "Carrier",
    "total_amount": "Total",
}
# Kinds whose entry is one sentence: icon, tone and text, followed by the amount if there is one.
KIND_LOOKS: dict[str, tuple[str, str, str]] = {
    OrderEventKind.PLACED: ("plus", "", "Placed"),
    OrderEventKind.PAID: ("cash", "good", "Payment received"),
    OrderEventKind.CREDITED: ("receipt-refund", "", "Credit memo"),
    OrderEventKind.CREDIT_USED: ("coin", "", "Store credit used"),
    OrderEventKind.ATTENDED: ("circle-check", "good", "Dealt with"),
    OrderEventKind.RELEASED: ("lock-open", "good", "Released from hold"),
    OrderEventKind.HELD: ("lock", "warn", "On hold"),
    OrderEventKind.COVERED: ("lock-open", "good", "Covered by terms"),
    OrderEventKind.ASSIGNED: ("user-check", "", "Assigned to"),
    OrderEventKind.ITEMS: ("pencil", "", "Items changed"),
    OrderEventKind.REFUNDED: ("arrow-back-up", "", "Refunded"),
    OrderEventKind.REVERSED: ("arrow-back-up", "warn", "Payment taken back"),
    OrderEventKind.REFUND_FAILED: ("alert-circle", "bad", "Refund failed"),
    OrderEventKind.PAYMENT_PENDING: ("hourglass", "", "Bank payment in progress"),
    OrderEventKind.PAYMENT_FAILED: ("alert-circle", "bad", "Payment failed"),
    OrderEventKind.PAY_LINK_SENT: ("send", "", "Pay link made"),
    OrderEventKind.CHECK_SENT: ("camera", "", "Check sent for review"),
    OrderEventKind.CHECK_REJECTED: ("x", "bad", "Check rejected"),
    OrderEventKind.DISPUTED: ("alert-triangle", "bad", "Disputed by the cardholder"),
    OrderEventKind.DISPUTE_LOST: ("alert-circle", "bad", "Dispute lost"),
    OrderEventKind.DISPUTE_WON: ("circle-check", "good", "Dispute won"),
    OrderEventKind.PICKED: ("checkbox", "", "Picked"),
    OrderEventKind.SET_ASIDE: ("player-track-next", "warn", "Set aside"),
    OrderEventKind.TAKEN_UP: ("package", "", "Taken up again"),
    OrderEventKind.PACKED_SHORT: ("package", "warn", "Ships short"),
    OrderEventKind.PACK_OVERRIDDEN: ("lock-open", "warn", "Label allowed before all units were scanned"),
    OrderEventKind.LABEL_BOUGHT: ("tag", "", "Label bought"),
    OrderEventKind.LABEL_VOIDED: ("ban", "", "Label voided"),
    OrderEventKind.LABEL_DELETED: ("trash", "", "Label’s record deleted"),
    OrderEventKind.LABEL_REFUND_REJECTED: ("alert-circle", "bad", "Refund of a label rejected"),
    OrderEventKind.LINKED: ("link", "", "Linked to an account"),
    OrderEventKind.UNLINKED: ("user-off", "", "Account taken off"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the progress; `note` is the time below it."""

    word: str
    icon: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of the timeline for the shared macro."""

    icon: str
    tone: str
    text: str
    before: str
    after: str
    note: str
    who: str
    at: datetime


def make_steps(shown: OrderPage, write_time: Any) -> list[Step]:
    """The steps of an order: done ones with their time, the next one named; a cancelled order has fewer."""
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
    if event.kind == OrderEventKind.MOVED and event.to_status in set(OrderStatus):
        word, icon, tone = STATUS_LOOKS[OrderStatus(event.to_status)]
        before = STATUS_LOOKS[OrderStatus(event.from_status)][0] if event.from_status else ""
        note = event.note
        if credit := changes.get("credit_returned"):
            note = f"{note} {credit} of store credit given back.".strip()
        yield TimelineEntry(icon, tone, "", before, word, note, who, at)
        return
    if event.kind == OrderEventKind.NOTE and "staff_notes" in changes:
        yield TimelineEntry("note", "", "Note", "", "", str(changes["staff_notes"].get("to", "")), who, at)
    fields = {name: change for name, change in changes.items() if name in FIELD_WORDS and isinstance(change, dict)}
    if event.kind in {OrderEventKind.ADDRESS, OrderEventKind.NOTE}:
        icon = "map-pin" if event.kind == OrderEventKind.ADDRESS else "truck"
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
    if event.kind in {OrderEventKind.PLACED, OrderEventKind.ASSIGNED, OrderEventKind.LINKED}:
        # The notes of these two are complete.
        text = event.note if event.kind != OrderEventKind.ASSIGNED and event.note else f"{text} {event.note}".strip()
        return TimelineEntry(icon, tone, text, "", "", "", who, at)
    if event.kind == OrderEventKind.ITEMS and "total_amount" in fields:
        change = fields["total_amount"]
        return TimelineEntry(icon, tone, "Items changed, total", change["from"], change["to"], event.note, who, at)
    amount = changes.get("amount", "")
    return TimelineEntry(icon, tone, f"{text}, {amount}" if amount else text, "", "", event.note, who, at)


def _write(value: Any) -> str:
    return "" if value is None else str(value)
