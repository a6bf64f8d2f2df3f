"""How an invoice's timeline reads: entries with their icon, tone and words."""

from collections.abc import Iterable

from domain.invoices.invoice_page import InvoiceEventRow
from portal.orders.timeline import TimelineEntry

LOOKS = {
    "created": ("plus", "", "Made"),
    "edited": ("pencil", "", "Changed"),
    "sent": ("send", "info", "Numbered and sent"),
    "revised": ("pencil", "warn", "Revised"),
    "mailed": ("mail", "", "Mailed"),
    "reminded": ("bell", "", "Reminder sent"),
    "paid": ("cash", "good", "Payment received"),
    "taken_back": ("arrow-back-up", "warn", "Payment taken back"),
    "refunded": ("arrow-back-up", "", "Given back"),
    "refund_failed": ("alert-circle", "bad", "Refund failed"),
    "payment_pending": ("hourglass", "", "Bank payment under way"),
    "payment_failed": ("alert-circle", "bad", "Payment failed"),
    "disputed": ("alert-triangle", "bad", "Disputed by the cardholder"),
    "dispute_lost": ("alert-circle", "bad", "Dispute lost"),
    "dispute_won": ("circle-check", "good", "Dispute won"),
    "credited": ("receipt-refund", "", "Credit memo"),
    "voided": ("ban", "", "Voided"),
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
