"""How many orders stand under each tab of the list, counted no further than a page says."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.own_orders import owner_of_seen
from domain.kernel.actor import Actor
from domain.orders.filters import ORDERS, needs_attention
from models import OrderStatus

# Pages say "1,000+" beyond this, so that a count never reads more than so many rows.
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class TabCount:
    """How many orders stand under one tab; `is_more` when there are more than were counted."""

    count: int
    is_more: bool


async def count_by_tab(db: AsyncSession | AsyncConnection, *, visible_to: Actor) -> dict[str, TabCount]:
    """How many orders stand under each tab of the list, in one statement of bounded cost.

    The tabs are `all`, `attention`, `on_hold` and each state; an order on hold counts there, not as pending.
    """
    row = (await db.execute(_write_tab_counts(owner_of_seen(visible_to)), {"owner": visible_to.id})).mappings().one()
    return {name: TabCount(min(count, MOST_COUNTED), count > MOST_COUNTED) for name, count in row.items()}


@cache
def _write_tab_counts(owner: str | None) -> Select[Any]:
    """The statement of `count_by_tab` for readers that the column `owner` holds, which is bound as `owner`."""
    tabs: dict[str, list[ColumnElement[bool]]] = {
        "all": [],
        "attention": [needs_attention()],
        "on_hold": [ORDERS.on_hold],
        "pending": [ORDERS.status == OrderStatus.PENDING, ~ORDERS.on_hold],
    }
    for status in OrderStatus:
        tabs.setdefault(status.value, [ORDERS.status == status])
    counts = []
    for name, conditions in tabs.items():
        own = [] if owner is None else [ORDERS[owner] == bindparam("owner")]
        rows = select(ORDERS.id).where(*conditions, *own).limit(MOST_COUNTED + 1).subquery()
        counts.append(select(func.count()).select_from(rows).scalar_subquery().label(name))
    return select(*counts)
