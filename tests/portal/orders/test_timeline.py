"""The timeline of an order: every kind of event has an icon and words of its own."""

from pathlib import Path

from domain.kernel.clock import now
from domain.orders.queries import EventRow
from models import InvoiceEventKind, OrderEventKind
from portal.invoices.timeline import LOOKS
from portal.orders.timeline import KIND_LOOKS, make_timeline

ROOT = Path(__file__).parents[3]


def read_entry(kind: str, note: str) -> tuple[str, str, str]:
    event = EventRow(1, kind, None, None, note, None, "customer", 1, "Greta", now())
    (entry,) = make_timeline([event])
    return entry.icon, entry.text, entry.note


def test_linking_and_unlinking_an_order_reads_as_one_sentence() -> None:
    assert read_entry("linked", "Linked to the account greta") == ("link", "Linked to the account greta", "")
    assert read_entry("unlinked", "The customer deleted the account") == (
        "user-off",
        "Account taken off",
        "The customer deleted the account",
    )


def test_every_icon_of_the_timeline_is_there() -> None:
    icons = set((ROOT / "templates" / "shared" / "icons.txt").read_text().split())
    assert {icon for icon, _, _ in KIND_LOOKS.values()} <= icons


def test_every_kind_of_event_reads_as_words() -> None:
    by_their_values = {OrderEventKind.MOVED, OrderEventKind.NOTE, OrderEventKind.ADDRESS}
    assert set(KIND_LOOKS) == set(OrderEventKind) - by_their_values
    assert set(LOOKS) == set(InvoiceEventKind)
