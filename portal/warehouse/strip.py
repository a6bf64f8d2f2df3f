"""A strip of shares: how much of the day or of a batch is done, in progress, waiting, or has problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

STRIP_WIDTH = 997.0
GAP = 3.0


@dataclass(frozen=True, slots=True)
class Part:
    """One share: its fill, count, label and link."""

    fill: str
    count: int
    word: str
    url: str = ""


def lay_strip(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The parts side by side, as wide as their shares."""
    total = sum(part.count for part in parts)
    gaps = GAP * max(sum(1 for part in parts if part.count) - 1, 0)
    laid, x = [], 0.0
    for part in parts:
        width = (STRIP_WIDTH - gaps) * part.count / total if total else 0.0
        laid.append(
            {
                "fill": part.fill,
                "count": part.count,
                "word": part.word,
                "url": part.url,
                "x": round(x, 1),
                "width": round(width, 1),
            }
        )
        x += width + GAP if part.count else 0
    return laid
