"""A figure as pages draw it: its value, what it is compared with, what it means, and where its rows are."""

from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `change` is by how much it moved from what it `was`, with an arrow and whether that is good."""

    label: str
    value: str
    url: str
    meaning: str
    _: KW_ONLY
    was: str = ""
    tone: str = "quiet"
    arrow: str = ""
    change: str = ""
