"""The position of a record in the list from which it was opened: the previous and next record, and its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

# Places beyond this are not counted; no one works through more.
MOST_PLACES = 1_000


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The previous and next record of one in a list, by number or id. `place` counts from 1; 0 means not counted."""

    before: str | int | None
    after: str | int | None
    place: int
    total: int
    is_more: bool


async def find_neighbours(
    db: AsyncSession | AsyncConnection,
    *,
    name: ColumnElement[Any],
    order: Sequence[ColumnElement[Any]],
    here: Sequence[Any],
    conditions: Sequence[ColumnElement[bool]],
    falling: bool,
) -> Neighbours:
    """Find the neighbours of the record whose `order` columns have the values `here`, in one statement of bounded cost.

    Together the columns are unique and never NULL, and either all ascend or all descend. The record itself need not
    match the conditions any more: an order that was just confirmed still leads to the next pending one.
    """
    spot, start = tuple_(*order), tuple_(*here)
    earlier, later = (spot > start, spot < start) if falling else (spot < start, spot > start)
    forth = [column.desc() if falling else column.asc() for column in order]
    back = [column.asc() if falling else column.desc() for column in order]
    found = [and_(*conditions)] if conditions else []
    preceding = select(name).where(earlier, *found).limit(MOST_PLACES).subquery()
    whole = select(name).where(*found).limit(MOST_PLACES + 1).subquery()
    row = (
        await db.execute(
            select(
                select(name).where(earlier, *found).order_by(*back).limit(1).scalar_subquery(),
                select(name).where(later, *found).order_by(*forth).limit(1).scalar_subquery(),
                select(func.count()).select_from(preceding).scalar_subquery(),
                select(func.count()).select_from(whole).scalar_subquery(),
            )
        )
    ).one()
    is_far = row[2] >= MOST_PLACES
    return Neighbours(row[0], row[1], 0 if is_far else row[2] + 1, min(row[3], MOST_PLACES), row[3] > MOST_PLACES)


async def find_listed_neighbours(
    db: AsyncSession | AsyncConnection,
    *,
    name: ColumnElement[int],
    source: Any,
    order: Sequence[ColumnElement[Any]],
    here: int,
    conditions: Sequence[ColumnElement[bool]] = (),
    ids: Select[int] | None = None,
) -> Neighbours:
    """Find the neighbours of the record `here` in a list of any order, with NULLs and mixed directions, in one
    statement.

    `name` is the unique id in `source`. Only the first `MOST_PLACES` records of the list are read, using `ids` if that
    is a faster way to find them. A record that no longer matches the conditions keeps its place by its order. A record
    beyond the limit has no neighbours.
    """
    found = ids if ids is not None else select(name).select_from(source).where(*conditions).order_by(*order)
    first = found.limit(MOST_PLACES + 1).subquery()
    listed = select(first.c[0].label("name")).cte("listed")
    wanted = union(select(listed.c.name), select(literal(here)))
    ranked = (
        select(
            name.label("name"),
            func.lag(name).over(order_by=order).label("before"),
            func.lead(name).over(order_by=order).label("after"),
            func.row_number().over(order_by=order).label("place"),
        )
        .select_from(source)
        .where(name.in_(wanted))
        .subquery()
    )
    total = select(func.count()).select_from(listed).scalar_subquery()
    asked = select(ranked.c.before, ranked.c.after, ranked.c.place, total).where(ranked.c.name == here)
    row = (await db.execute(asked)).first()
    if row is None or row.place > MOST_PLACES:
        return Neighbours(None, None, 0, min(row[3], MOST_PLACES) if row else 0, row is not None)
    return Neighbours(row.before, row.after, row.place, min(row[3], MOST_PLACES), row[3] > MOST_PLACES)
