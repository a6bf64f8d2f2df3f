"""The number of orders in each tab of the list, counted up to the limit that pages show."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.own_orders import owner_of_seen
from domain.kernel.actor import Actor
from domain.orders.filters import ORDERS, needs_attention
from models import OrderStatus

# Above this, pages say "1,000+", so that a count reads at most this many rows.
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class TabCount:
    """The number of orders in one tab. `is_more` is true if there are more than were counted."""

    count: int
    is_more: bool


async def count_by_tab(db: AsyncSession | AsyncConnection, *, visible_to: Actor) -> dict[str, TabCount]:
    """Count the orders of each tab of the list, in one statement of bounded cost.

    The tabs are `all`, `attention`, `on_hold` and each status. An order on hold counts there, not as pending.
    """
    row = (await db.execute(_write_tab_counts(owner_of_seen(visible_to)), {"owner": visible_to.id})).mappings().one()
    return {name: TabCount(min(count, MOST_COUNTED), count > MOST_COUNTED) for name, count in row.items()}


@cache
def _write_tab_counts(owner: str | None) -> Select[Any]:
    """The statement of `count_by_tab`, limited to rows where the column `owner` is the bound parameter `owner`."""
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
