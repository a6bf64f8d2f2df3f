"""The tabs that the voice pages share."""

from typing import Any

from domain.access.rights import Right, may
from web.request import current_actor

SECTIONS = (
    ("dashboard", "Dashboard", "/portal/voice", Right.REVIEW_CALLS),
    ("review", "Review", "/portal/voice/review", Right.REVIEW_CALLS),
    ("calls", "Call log", "/portal/voice/calls", Right.REVIEW_CALLS),
    ("outbound", "Outbound", "/portal/voice/outbound", Right.SEE_CALL_QUEUE),
    ("prompts", "Prompts", "/portal/voice/prompts", Right.REVIEW_CALLS),
    ("rfqs", "Sourcing", "/portal/voice/sourcing", Right.EDIT_PROCUREMENT),
)


def make_sections(current: str, *, counts: dict[str, int] | None = None) -> list[dict[str, Any]]:
    """The tabs that the reader may open, with the current one marked."""
    me = current_actor()
    return [
        {"word": word, "url": url, "current": name == current, "count": (counts or {}).get(name)}
        for name, word, url, right in SECTIONS
        if may(me, right)
    ]
