"""The words and icons of outcomes, events and segments, in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from markupsafe import Markup, escape

from documents.filters import format_clock
from domain.calling.hours import Window
from domain.calling.tabs import Segment
from domain.calling.zones import US_ZONES, find_number_zones, find_zip_zone
from domain.kernel.actor import Actor
from models import CallingStatus, CallOutcome

_BLANK = re.compile(r"\n\s*\n")
_OBJECTIONS = re.compile(r"^\W*objections\W*$", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"\{(\w+)\}")

SEGMENTS = {
    Segment.PRIORITY: "Priority",
    Segment.WINDOW: "Window",
    Segment.LAPSED: "Lapsed",
    Segment.CALLED: "Called today",
    Segment.ALL: "All",
}
# Who is under a tab, after its number of entries.
WHO = {
    Segment.PRIORITY: "to call",
    Segment.WINDOW: "who usually order about now",
    Segment.LAPSED: "who have not ordered for 90 days",
}
# Outcome: word, tone and icon, in the order of the keys 1 to 7.
OUTCOMES = {
    CallOutcome.SALE_MADE: ("Sale made", "good", "circle-check"),
    CallOutcome.INTERESTED_CALLBACK: ("Interested, call back", "info", "calendar"),
    CallOutcome.BUSY_CALLBACK: ("Busy, call back", "info", "clock"),
    CallOutcome.NOT_INTERESTED: ("Not interested", "quiet", "thumb-down"),
    CallOutcome.NO_ANSWER: ("No answer", "quiet", "phone-off"),
    CallOutcome.WRONG_NUMBER: ("Wrong number", "quiet", "phone-x"),
    CallOutcome.DNC_REQUESTED: ("Do not call", "bad", "ban"),
}
EVENTS = {
    "order_placed": "Just ordered",
    "reorder_due": "Reorder due",
    "cart_abandoned": "Left a cart",
    "sample_requested": "Sample requested",
    "catalog_viewed": "Viewed catalogue",
    "email_opened": "Opened email",
} | {outcome.value: words[0] for outcome, words in OUTCOMES.items()}
STATUSES = {
    CallingStatus.NEW: "New",
    CallingStatus.CONTACTED: "Contacted",
    CallingStatus.CALLBACK: "Call back",
    CallingStatus.CUSTOMER: "Customer",
    CallingStatus.CLOSED: "Closed",
}
_ZONES = {
    "America/Adak": "Aleutian",
    "America/Anchorage": "Alaska",
    "America/Chicago": "Central",
    "America/Denver": "Mountain",
    "America/Los_Angeles": "Pacific",
    "America/New_York": "Eastern",
    "America/Phoenix": "Arizona",
    "Pacific/Honolulu": "Hawaii",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def describe_hours(windows: Sequence[Window | None]) -> str:
    """A week's hours in words, as in "Mon – Sat, 10:00 am – 8:00 pm"."""
    stretches = []
    for window, days in groupby(range(7), key=lambda day: windows[day]):
        places = list(days)
        if window is not None:
            first, last = _DAYS[places[0]], _DAYS[places[-1]]
            span = first if first == last else f"{first} – {last}"
            stretches.append(f"{span}, {format_clock(window[0])} – {format_clock(window[1])}")
    return "; ".join(stretches)


def describe_zones(phone: str | None, zip_code: str, zones: Sequence[str]) -> str:
    """A person's time zone and how it is known, as in "Central, by ZIP 74104; area code 918 agrees"."""
    if len(zones) > 1 and set(zones) == set(US_ZONES):
        return "Not known: calls must be allowed in every US time zone"
    by_zip, by_number = find_zip_zone(zip_code), find_number_zones(phone) if phone else ()
    area = f"area code {phone[2:5]}" if phone and phone.startswith("+1") else "the number"
    if by_zip is None:
        return f"{_join_zones(zones)}, by {area}"
    here = f"{_join_zones([by_zip])}, by ZIP {zip_code.strip()[:5]}"
    if not by_number:
        return here
    if by_zip in by_number:
        return f"{here}; {area} agrees"
    return f"{here}, and {_join_zones(by_number)} by {area}: calls must be allowed in both"


def _join_zones(zones: Sequence[str]) -> str:
    return " and ".join(_ZONES.get(zone, zone.rpartition("/")[2].replace("_", " ")) for zone in zones)


def first_name(actor: Actor) -> str:
    """The colleague's name to say on the phone."""
    return actor.name.partition(" ")[0]


def part_objections(script: str) -> tuple[str, str]:
    """The script, split at its line “Objections”: what to say, and answers to objections."""
    spoken, *rest = _OBJECTIONS.split(script.replace("\r\n", "\n"), maxsplit=1)
    return spoken, "".join(rest)


def fill_script(script: str, names: Mapping[str, str]) -> list[Markup]:
    """The script's paragraphs with names inserted and marked; unknown placeholders stay as they are."""

    def fill(paragraph: str) -> Markup:
        parts = []
        last = 0
        for found in _NAME.finditer(paragraph):
            parts.append(escape(paragraph[last : found.start()]))
            value = names.get(found[1])
            parts.append(Markup("<mark>{}</mark>").format(value) if value is not None else escape(found[0]))
            last = found.end()
        parts.append(escape(paragraph[last:]))
        return Markup("").join(parts)

    text = script.replace("\r\n", "\n")
    return [fill(paragraph.strip()) for paragraph in _BLANK.split(text) if paragraph.strip()]
