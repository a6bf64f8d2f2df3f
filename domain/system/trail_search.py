"""Searches the history at a bounded cost: by name and number through indexes, by words in the newest rows.

Changes by a person, or to an order, are found whatever their age. Other words are searched in the newest rows of each
source table; a search of the whole history reads all of them.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import BigInteger, Select, Text, cast, func, literal, or_, select, true, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.counting import Counted
from domain.kernel.paging import make_page
from domain.system import trail
from domain.system.trail import Trail, TrailFilters, TrailRow, TrailTab
from domain.system.trail_pages import list_whole_trail
from models import AuditEntry, Customer, Order, OrderEvent, OrderEventKind, Staff
from models.session import plan_for_values

# Words are searched in this many of the newest rows, and at most this many rows are found.
MOST_LOOKED_THROUGH, MOST_FOUND = 10_000, 1_000
# For up to this many people who match, what they did is looked up.
MOST_PEOPLE = 500


async def list_trail(db: AsyncSession, asked: TrailFilters, *, timezone: tzinfo) -> Trail:
    """Return the matching rows, newest first. A search looks through the newest rows unless it asks for all."""
    if not asked.q or asked.whole:
        return await list_whole_trail(db, asked, timezone=timezone)
    await plan_for_values(db)
    numbered, people = await trail.find_orders(db, asked.q), await _find_people(db, asked.q)
    looked = await _look(db, asked.model_copy(update={"tab": TrailTab.ALL}), timezone, numbered, people)
    tabs = None if len(looked.rows) > MOST_FOUND else looked.count_by_tab()
    if asked.tab is not TrailTab.ALL:
        looked = await _look(db, asked, timezone, numbered, people) if tabs is None else looked.under(asked.tab)
    counted = Counted(min(len(looked.rows), MOST_FOUND), len(looked.rows) > MOST_FOUND)
    shown = looked.rows[:MOST_FOUND][asked.offset : asked.offset + asked.per_page]
    rows = await _read_rows(db, shown)
    knows_names = numbered is not None and people is not None
    return Trail(make_page(rows, counted.count, asked), counted, tabs, looked.back_to, knows_names)


@dataclass(frozen=True, slots=True)
class _Found:
    """A row that a search found: where it is, and what it is about."""

    at: datetime
    table: Any
    id: int
    kind: str

    @property
    def tab(self) -> TrailTab:
        return trail.find_tab(self.table, self.kind)


@dataclass(frozen=True, slots=True)
class _Looked:
    """The results of a search, newest first, and how far back it looked for words; None means all of it."""

    rows: list[_Found]
    back_to: datetime | None

    def under(self, tab: TrailTab) -> "_Looked":
        return _Looked([row for row in self.rows if row.tab is tab], self.back_to)

    def count_by_tab(self) -> dict[TrailTab, int]:
        counts = dict.fromkeys(TrailTab, 0) | {TrailTab.ALL: len(self.rows)}
        for row in self.rows:
            counts[row.tab] += 1
        return counts


async def _look(
    db: AsyncSession,
    asked: TrailFilters,
    timezone: tzinfo,
    numbered: list[int] | None,
    people: list[tuple[str, int]] | None,
) -> _Looked:
    assert asked.q
    found: list[_Found] = []
    reached: list[datetime] = []
    for table in trail.list_tables(asked):
        rows = _select_ids(asked, timezone, table)
        ways = [_find_changes(rows, asked.q)]
        if table is OrderEvent:
            ways = _find_events(rows, asked.q, numbered, people)
        ids = union(*ways).subquery()
        newest = select(ids).order_by(ids.c.created_at.desc(), ids.c.id.desc()).limit(MOST_FOUND + 1)
        found += [_Found(at, table, number, kind) for number, at, kind in await db.execute(newest)]
        end = rows.with_only_columns(table.created_at).order_by(*_newest(table)).offset(MOST_LOOKED_THROUGH)
        reached += await db.scalars(end.limit(1))
    found.sort(key=lambda row: (-row.at.timestamp(), row.table is OrderEvent, -row.id))
    return _Looked(found, max(reached, default=None))


async def _read_rows(db: AsyncSession, shown: list[_Found]) -> list[TrailRow]:
    """Return these rows completely, in their order."""
    read: dict[tuple[Any, int], TrailRow] = {}
    for table, half in trail.WHOLE_ROWS.items():
        numbers = [row.id for row in shown if row.table is table]
        if numbers:
            read |= {(table, row.id): TrailRow(*row) for row in await db.execute(half.where(table.id.in_(numbers)))}
    return [read[row.table, row.id] for row in shown if (row.table, row.id) in read]


def _select_ids(asked: TrailFilters, timezone: tzinfo, table: Any) -> Select[Any]:
    """Select a source table's rows that match the other filters, by id, time and kind."""
    plain = asked.model_copy(update={"q": None})
    columns = (table.id, table.created_at, trail.kind_of(table).label("about"))
    return select(*columns).where(*trail.list_conditions(plain, timezone, table, []))


def _newest(table: Any) -> tuple[Any, ...]:
    return (table.created_at.desc(), table.id.desc())


def _look_through(rows: Select[Any], table: Any, *columns: Any) -> Any:
    """Select the columns of the newest of these rows."""
    return rows.add_columns(*columns).order_by(*_newest(table)).limit(MOST_LOOKED_THROUGH).subquery("looked").c


def _find_changes(rows: Select[Any], wanted: str) -> Select[Any]:
    looked = _look_through(rows, AuditEntry, AuditEntry.actor_name, AuditEntry.action, AuditEntry.record_name)
    held = trail.holds(wanted, looked.actor_name, looked.action, looked.record_name)
    return select(looked.id, looked.created_at, looked.about).where(or_(*held))


def _find_events(
    rows: Select[Any], wanted: str, numbered: list[int] | None, people: list[tuple[str, int]] | None
) -> list[Select[Any]]:
    """Return the ways to find an event: by its words, its order's number, and who did it."""
    looked = _look_through(rows, OrderEvent, OrderEvent.actor_name, OrderEvent.kind, OrderEvent.order_id)
    held = [
        *trail.holds(wanted, looked.actor_name),
        looked.kind.in_([kind.value for kind in OrderEventKind if wanted.lower() in kind.value]),
    ]
    if numbered is None:
        number = Order.order_number.icontains(wanted, autoescape=True)
        held.append(select(literal(1)).where(Order.id == looked.order_id, number).exists())
    ways = [select(looked.id, looked.created_at, looked.about).where(or_(*held))]
    if numbered:
        ways.append(rows.where(OrderEvent.order_id.in_(numbered)))
    if people:
        kinds, numbers = [kind for kind, _ in people], [number for _, number in people]
        who = select(
            func.unnest(cast(kinds, ARRAY(Text))).label("kind"),
            func.unnest(cast(numbers, ARRAY(BigInteger))).label("id"),
        ).subquery("who")
        by_them = (OrderEvent.actor_kind == who.c.kind, OrderEvent.actor_id == who.c.id)
        theirs = rows.where(*by_them, *trail.holds(wanted, OrderEvent.actor_name)).order_by(*_newest(OrderEvent))
        each = theirs.limit(MOST_FOUND + 1).lateral("theirs")
        ways.append(select(each.c.id, each.c.created_at, each.c.about).select_from(who.join(each, true())))
    return ways


async def _find_people(db: AsyncSession, wanted: str) -> list[tuple[str, int]] | None:
    """Return the colleagues and customers with this name; None if so many that a scan of their events is faster."""
    if len(wanted) < trail.LEAST_INDEXED:
        return None
    staff = select(Staff.id).where(or_(*trail.holds(wanted, Staff.full_name, Staff.username)))
    customers = select(Customer.id).where(Customer.search_text.like(trail.holding(wanted)))
    people = [("staff", number) for number in await db.scalars(staff.limit(MOST_PEOPLE + 1))]
    people += [("customer", number) for number in await db.scalars(customers.limit(MOST_PEOPLE + 1))]
    return None if len(people) > MOST_PEOPLE else people
