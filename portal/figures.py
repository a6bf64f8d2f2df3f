"""A figure on a page: its value, comparison, meaning, and link to its rows."""

from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `change` is its difference from `was`, with an arrow and whether it is good."""

    label: str
    value: str
    url: str
    meaning: str
    _: KW_ONLY
    was: str = ""
    tone: str = "quiet"
    arrow: str = ""
    change: str = ""
