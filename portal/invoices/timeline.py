"""An invoice's timeline: entries with icon, tone and text."""

from collections.abc import Iterable

from domain.invoices.invoice_page import InvoiceEventRow
from models import InvoiceEventKind
from portal.orders.timeline import TimelineEntry

LOOKS: dict[str, tuple[str, str, str]] = {
    InvoiceEventKind.CREATED: ("plus", "", "Made"),
    InvoiceEventKind.EDITED: ("pencil", "", "Changed"),
    InvoiceEventKind.SENT: ("send", "info", "Numbered, now owed"),
    InvoiceEventKind.REVISED: ("pencil", "warn", "Revised"),
    InvoiceEventKind.MAILED: ("mail", "", "Mail written"),
    InvoiceEventKind.REMINDED: ("bell", "", "Reminder written"),
    InvoiceEventKind.PAID: ("cash", "good", "Payment received"),
    InvoiceEventKind.TAKEN_BACK: ("arrow-back-up", "warn", "Payment taken back"),
    InvoiceEventKind.REFUNDED: ("arrow-back-up", "", "Given back"),
    InvoiceEventKind.REFUND_FAILED: ("alert-circle", "bad", "Refund failed"),
    InvoiceEventKind.PAYMENT_PENDING: ("hourglass", "", "Bank payment in progress"),
    InvoiceEventKind.PAYMENT_FAILED: ("alert-circle", "bad", "Payment failed"),
    InvoiceEventKind.DISPUTED: ("alert-triangle", "bad", "Disputed by the cardholder"),
    InvoiceEventKind.DISPUTE_LOST: ("alert-circle", "bad", "Dispute lost"),
    InvoiceEventKind.DISPUTE_WON: ("circle-check", "good", "Dispute won"),
    InvoiceEventKind.CREDITED: ("receipt-refund", "", "Credit memo"),
    InvoiceEventKind.VOIDED: ("ban", "", "Voided"),
}
FIELDS = {
    "customer_name": "Name",
    "customer_company": "Company",
    "customer_email": "Email",
    "customer_phone": "Phone",
    "customer_address": "Street",
    "po_number": "PO",
    "payment_terms": "Terms",
    "due_date": "Due",
    "total_amount": "Total",
    "notes": "Note",
}


def make_invoice_timeline(events: Iterable[InvoiceEventRow]) -> list[TimelineEntry]:
    """The timeline's entries, newest first."""
    return [_read(event) for event in events]


def _read(event: InvoiceEventRow) -> TimelineEntry:
    icon, tone, text = LOOKS.get(event.kind, ("history", "", event.kind.replace("_", " ").capitalize()))
    changes = event.changes or {}
    total = changes.get("total_amount")
    if isinstance(total, dict):
        words = (f"{text}, total", str(total["from"]), str(total["to"]))
        return TimelineEntry(icon, tone, *words, event.note, event.actor_name, event.created_at)
    changed = [word for name, word in FIELDS.items() if isinstance(changes.get(name), dict)]
    amount = changes.get("amount") or (total if isinstance(total, str) else "")
    more = amount or ", ".join(changed).lower()
    return TimelineEntry(
        icon, tone, f"{text}, {more}" if more else text, "", "", event.note, event.actor_name, event.created_at
    )
