"""The words and icons of outcomes, events and segments, in one place."""

from __future__ import annotations

from domain.calling.entries import Segment
from models import CallingStatus, CallOutcome

SEGMENTS = {
    Segment.PRIORITY: "Priority",
    Segment.WINDOW: "Window",
    Segment.LAPSED: "Lapsed",
    Segment.CALLED: "Called today",
    Segment.ALL: "All",
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
