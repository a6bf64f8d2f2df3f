"""The tabs that the voice pages share."""

from typing import Any

from domain.access.rights import Right, may
from domain.voice.waiting import count_waiting
from web.request import current_actor, db

SECTIONS = (
    ("dashboard", "Dashboard", "/portal/voice", Right.REVIEW_CALLS),
    ("review", "Review", "/portal/voice/review", Right.REVIEW_CALLS),
    ("calls", "Call log", "/portal/voice/calls", Right.REVIEW_CALLS),
    ("outbound", "Outbound", "/portal/voice/outbound", Right.SEE_CALL_QUEUE),
    ("prompts", "Prompts", "/portal/voice/prompts", Right.REVIEW_CALLS),
    ("rfqs", "Sourcing", "/portal/voice/sourcing", Right.EDIT_PROCUREMENT),
)


async def make_sections(current: str, *, outbound: int | None = None) -> list[dict[str, Any]]:
    """The tabs that the reader may open, with the current one marked and their waiting counts.

    The number of customers due for a call is shown only on its own page, because it needs a pass over all customers.
    """
    me = current_actor()
    counts: dict[str, int | None] = {**await count_waiting(db()), "outbound": outbound}
    return [
        {"word": word, "url": url, "current": name == current, "count": counts.get(name)}
        for name, word, url, right in SECTIONS
        if may(me, right)
    ]
