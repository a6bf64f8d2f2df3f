"""The tabs that the voice pages share."""

from typing import Any

SECTIONS = (
    ("dashboard", "Dashboard", "/portal/voice"),
    ("review", "Review", "/portal/voice/review"),
    ("calls", "Call log", "/portal/voice/calls"),
    ("outbound", "Outbound", "/portal/voice/outbound"),
    ("prompts", "Prompts", "/portal/voice/prompts"),
    ("rfqs", "Sourcing", "/portal/voice/sourcing"),
)


def make_sections(current: str, *, counts: dict[str, int] | None = None) -> list[dict[str, Any]]:
    """The tabs, with the current one marked."""
    return [
        {"word": word, "url": url, "current": name == current, "count": (counts or {}).get(name)}
        for name, word, url in SECTIONS
    ]
