"""Pages of the history, their counts, and the CSV export.

Rows before a page are skipped using only the index; before a deep page they are counted day by day, or their stored
number of each hour is added up.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Select, func, literal, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.counting import MOST_COUNTED, Counted
from domain.kernel.paging import make_page
from domain.kernel.spreadsheets import Cell, stream_csv
from domain.system.trail import (
    WHOLE_ROWS,
    Trail,
    TrailFilters,
    TrailRow,
    TrailTab,
    find_orders,
    find_tab,
    kind_of,
    select_ids,
)
from domain.system.trail_hours import find_place
from models.session import Database, plan_for_values

SHEET_COLUMNS = ("at", "who", "record", "name", "act", "changes", "note")


async def list_whole_trail(db: AsyncSession, asked: TrailFilters, *, timezone: tzinfo) -> Trail:
    """Return the matching rows, newest first. However deep the page is, only its own rows are read completely."""
    await plan_for_values(db)
    numbered = await find_orders(db, asked.q) if asked.q else []
    tabs = await _count_by_tab(db, select_ids(asked.model_copy(update={"tab": TrailTab.ALL}), timezone, numbered))
    if tabs is not None:
        found = Counted(tabs[asked.tab], is_more=False)
    else:
        halves = select_ids(asked, timezone, numbered).values()
        total = sum([await db.scalar(select(func.count()).select_from(_cap(half, literal(1)))) or 0 for half in halves])
        found = Counted(min(total, MOST_COUNTED), total > MOST_COUNTED)
    start = await _find_start(db, asked, timezone)
    rows = [] if start is None else (await db.execute(_select_page(asked, timezone, numbered, start))).all()
    return Trail(make_page([TrailRow(*row) for row in rows], found.count, asked), found, tabs)


def _cap(half: Any, *columns: Any) -> Any:
    """Return the first rows of a source table, up to the counting limit."""
    return half.with_only_columns(*columns, maintain_column_froms=True).limit(MOST_COUNTED + 1).subquery()


async def _count_by_tab(db: AsyncSession, halves: dict[Any, Select[Any]]) -> dict[TrailTab, int] | None:
    """Return the number of rows of each tab, for the filters without a tab; None beyond the counting limit."""
    counts = dict.fromkeys(TrailTab, 0)
    for table, half in halves.items():
        rows = _cap(half, kind_of(table).label("kind"))
        for kind, number in await db.execute(select(rows.c.kind, func.count()).group_by(rows.c.kind)):
            counts[find_tab(table, kind)] += number
            counts[TrailTab.ALL] += number
    return counts if counts[TrailTab.ALL] <= MOST_COUNTED else None


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a page begins: this many rows after the first row older than a moment; without one, after the newest."""

    offset: int
    older_than: datetime | None = None


async def _find_start(db: AsyncSession, asked: TrailFilters, timezone: tzinfo) -> _Start | None:
    """Return where the page begins; None past the last row.

    Rows before a deep page are counted day by day, so that they need not be sorted.
    """
    if asked.offset <= MOST_COUNTED or asked.q:
        return _Start(asked.offset)
    if not asked.is_filtered:
        place = await find_place(db, asked.offset)
        if place is None or place.until is not None:
            return None if place is None else _Start(asked.offset - place.before, place.until)
    row = (await db.execute(_select_day(asked, timezone))).first()
    return None if row is None else _Start(asked.offset - row.before, row.until)


def _select_day(asked: TrailFilters, timezone: tzinfo) -> Select[Any]:
    """Select the day on which the page begins: the end of the day, and the number of rows since."""
    halves = select_ids(asked, timezone, [])
    never: Any = literal_column("CAST('infinity' AS timestamptz)")
    none: Any = literal_column("CAST(0 AS bigint)")
    days = select(never.label("until"), never.label("begins"), none.label("before"), none.label("through")).cte(
        "days", recursive=True
    )
    newest = [
        half.with_only_columns(func.max(table.created_at))
        .where(table.created_at < days.c.begins)
        .correlate(days)
        .scalar_subquery()
        for table, half in halves.items()
    ]
    day = select(func.date_trunc("day", func.greatest(*newest)).label("begins")).lateral("day")
    counts: list[Any] = [
        half.with_only_columns(func.count())
        .where(table.created_at >= day.c.begins, table.created_at < days.c.begins)
        .correlate(days, day)
        .scalar_subquery()
        for table, half in halves.items()
    ]
    older = (
        select(days.c.begins, day.c.begins, days.c.through, days.c.through + sum(counts[1:], counts[0]))
        .join(day, day.c.begins.is_not(None))
        .where(days.c.through <= asked.offset)
    )
    days = days.union_all(older)
    return select(days.c.until, days.c.before).where(days.c.through > asked.offset)


def _select_page(asked: TrailFilters, timezone: tzinfo, numbered: list[int] | None, start: _Start) -> Select[Any]:
    """Select the rows of the page from where it begins. Only the page's own rows are read completely."""
    chosen = []
    for table, half in select_ids(asked, timezone, numbered).items():
        older = half if start.older_than is None else half.where(table.created_at < start.older_than)
        newest = older.order_by(table.created_at.desc(), table.id.desc())
        chosen.append(select(newest.limit(start.offset + asked.per_page).subquery()))
    ids = union_all(*chosen).subquery()
    page = select(ids).order_by(*_newest(ids)).limit(asked.per_page).offset(start.offset).cte("page")
    whole = [
        half.where(table.id.in_(select(page.c.id).where(page.c.source == half.selected_columns.source)))
        for table, half in WHOLE_ROWS.items()
    ]
    rows = union_all(*whole).subquery()
    return select(rows).order_by(*_newest(rows))


def _newest(rows: Any) -> tuple[Any, ...]:
    return rows.c.created_at.desc(), rows.c.source, rows.c.id.desc()


def export_trail(database: Database, asked: TrailFilters, *, timezone: tzinfo) -> AsyncIterator[bytes]:
    """Return the newest matching rows as chunks of a CSV file, at most 10,000."""
    return stream_csv(SHEET_COLUMNS, _read_cells(database, asked, timezone))


async def _read_cells(database: Database, asked: TrailFilters, timezone: tzinfo) -> AsyncIterator[tuple[Cell, ...]]:
    whole = asked.model_copy(update={"page": 1, "per_page": MOST_COUNTED})
    async with database.session() as db:
        await plan_for_values(db)
        numbered = await find_orders(db, whole.q) if whole.q else []
        statement = _select_page(whole, timezone, numbered, _Start(0)).execution_options(yield_per=500)
        rows = [TrailRow(*found) async for found in await db.stream(statement)]
    for row in rows:
        changes = "; ".join(f"{name}: {_plain(before)} → {_plain(after)}" for name, before, after in row.pairs)
        yield (row.created_at, row.actor_name, row.record_kind, row.record_name, row.action, changes, row.note)


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
