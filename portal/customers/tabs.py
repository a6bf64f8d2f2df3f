"""The tabs and side cards of the customer page. Each area registers its own.

A tab's `load` reads what its template shows as `tab`; a card's as `card`. Neither touches the page itself.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may
from domain.kernel.actor import Actor

Load = Callable[[AsyncSession, int], Awaitable[Any]]
Count = Callable[[AsyncSession, int], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its right, its content, and an optional count."""

    key: str
    label: str
    right: Right
    template: str
    load: Load
    count: Count | None = None
    place: int = 50


@dataclass(frozen=True, slots=True)
class Card:
    """A card beside the tabs."""

    key: str
    right: Right
    template: str
    load: Load
    place: int = 50


TABS: dict[str, Tab] = {}
CARDS: dict[str, Card] = {}


def register_tab(tab: Tab) -> Tab:
    """Register a tab for all customer pages; called once by the area's pages."""
    TABS[tab.key] = tab
    return tab


def register_card(card: Card) -> Card:
    """Register a side card for all customer pages."""
    CARDS[card.key] = card
    return card


def list_tabs(actor: Actor) -> list[Tab]:
    """The tabs that the actor sees, in their order."""
    return sorted((tab for tab in TABS.values() if may(actor, tab.right)), key=lambda tab: tab.place)


def list_cards(actor: Actor) -> list[Card]:
    """The cards that the actor sees, in their order."""
    return sorted((card for card in CARDS.values() if may(actor, card.right)), key=lambda card: card.place)
