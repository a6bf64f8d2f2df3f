"""The one history that administrators read: changes of records and what happened to orders, newest first."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Annotated, Any

from pydantic import StringConstraints
from sqlalchemy import ColumnElement, Select, Text, cast, func, literal, null, or_, select, true, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_range_bounds, start_of_business_day
from domain.kernel.counting import MOST_COUNTED, Counted
from domain.kernel.inputs import DateIn, Id, Text60
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.spreadsheets import Cell, stream_csv
from domain.kernel.texts import as_search_pattern
from models import AuditEntry, Order, OrderEvent, OrderEventKind, Staff
from models.session import Database, plan_for_values

ORDER_KIND = "order"
# Shorter texts hold no three letters, which the index of orders is made of.
LEAST_INDEXED, MOST_LOOKED_UP = 3, 500
SHEET_COLUMNS = ("at", "who", "record", "name", "act", "changes", "note")


class TrailFilters(PageInput):
    """The address of the list; the days are the business's, both included."""

    q: Text60 | None = None
    record_kind: Text60 | None = None
    record_id: Id | None = None
    who: Annotated[str, StringConstraints(pattern=r"^(staff:\d{1,18}|system|voice|customer|api_key)$")] | None = None
    """A colleague as `staff:3`, or everybody of a kind."""
    from_date: DateIn | None = None
    to_date: DateIn | None = None


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One change: of a record with its values before and after, or an event of an order with its own changes.

    `about` names the customer of an order.
    """

    source: str
    id: int
    created_at: datetime
    actor_kind: str
    actor_id: int | None
    actor_name: str
    action: str
    record_kind: str
    record_id: int | None
    record_name: str
    about: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    changes: dict[str, Any] | None
    from_status: str | None
    to_status: str | None
    note: str

    @property
    def pairs(self) -> list[tuple[str, Any, Any]]:
        """What was changed, each with its value before and after."""
        if self.source == "audit":
            before, after = self.before or {}, self.after or {}
            return [(name, before.get(name), after.get(name)) for name in dict.fromkeys([*after, *before])]
        pairs: list[tuple[str, Any, Any]] = []
        if self.from_status and self.to_status:
            pairs.append(("status", self.from_status, self.to_status))
        changes = self.changes or {}
        if isinstance(changes.get("amount"), str):
            pairs.append(("amount", None, changes["amount"]))
        found = {name: value for name, value in changes.items() if isinstance(value, dict)}
        return pairs + [(name, value.get("from"), value.get("to")) for name, value in found.items()]


async def list_trail(db: AsyncSession, asked: TrailFilters, *, timezone: tzinfo) -> tuple[Page[TrailRow], Counted]:
    """The rows under the filters, the newest first; each half is read no further than the page reaches."""
    await plan_for_values(db)
    numbered = await _find_orders(db, asked.q) if asked.q else []
    total = 0
    for half in _halves(asked, timezone, numbered):
        counted = half.with_only_columns(literal(1), maintain_column_froms=True).limit(MOST_COUNTED + 1).subquery()
        total += await db.scalar(select(func.count()).select_from(counted)) or 0
    rows = await db.execute(_select_newest(asked, timezone, numbered))
    is_more = total > MOST_COUNTED
    found = Counted(min(total, MOST_COUNTED), is_more)
    return make_page([TrailRow(*row) for row in rows], found.count, asked), found


def _select_newest(asked: TrailFilters, timezone: tzinfo, numbered: list[int] | None) -> Select[Any]:
    """The page of rows that is asked for."""
    reach = asked.offset + asked.per_page
    halves = zip(_halves(asked, timezone, numbered), _orders(asked), strict=True)
    both = union_all(*(select(half.order_by(*order).limit(reach).subquery()) for half, order in halves)).subquery()
    newest = select(both).order_by(both.c.created_at.desc(), both.c.source, both.c.id.desc())
    return newest.limit(asked.per_page).offset(asked.offset)


def export_trail(database: Database, asked: TrailFilters, *, timezone: tzinfo) -> AsyncIterator[bytes]:
    """The newest rows under the filters as pieces of a CSV file, 10,000 at most."""
    return stream_csv(SHEET_COLUMNS, _read_cells(database, asked, timezone))


async def _read_cells(database: Database, asked: TrailFilters, timezone: tzinfo) -> AsyncIterator[tuple[Cell, ...]]:
    whole = asked.model_copy(update={"page": 1, "per_page": MOST_COUNTED})
    async with database.session() as db:
        await plan_for_values(db)
        numbered = await _find_orders(db, whole.q) if whole.q else []
        statement = _select_newest(whole, timezone, numbered).execution_options(yield_per=500)
        rows = [TrailRow(*found) async for found in await db.stream(statement)]
    for row in rows:
        changes = "; ".join(f"{name}: {_plain(before)} → {_plain(after)}" for name, before, after in row.pairs)
        yield (row.created_at, row.actor_name, row.record_kind, row.record_name, row.action, changes, row.note)


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


async def list_record_kinds(db: AsyncSession) -> list[str]:
    """The kinds of records that the history knows, in order."""
    # Walks the index from kind to kind, so that a long history is not read for its few words.
    first = select(func.min(AuditEntry.record_kind).label("kind")).cte("kinds", recursive=True)
    following = select(func.min(AuditEntry.record_kind)).where(AuditEntry.record_kind > first.c.kind).scalar_subquery()
    kinds = first.union_all(select(following).where(first.c.kind.is_not(None)))
    found = await db.scalars(select(kinds.c.kind).where(kinds.c.kind.is_not(None)))
    return sorted({*found.all(), ORDER_KIND})


async def list_people(db: AsyncSession) -> Sequence[tuple[int, str]]:
    """The colleagues whose changes can be looked for."""
    name = func.coalesce(func.nullif(Staff.full_name, ""), Staff.username)
    return [(row[0], row[1]) for row in await db.execute(select(Staff.id, name).order_by(func.lower(name), Staff.id))]


async def _find_orders(db: AsyncSession, wanted: str) -> list[int] | None:
    """The orders whose number holds the text; None for so many that their events are better looked through."""
    found = select(Order.id).where(Order.order_number.icontains(wanted, autoescape=True))
    if len(wanted) >= LEAST_INDEXED:
        # What an order is found by begins with its number, and has an index.
        found = found.where(Order.search_text.like(f"%{as_search_pattern(wanted.lower())}%"))
    ids = list(await db.scalars(found.limit(MOST_LOOKED_UP + 1)))
    return None if len(ids) > MOST_LOOKED_UP else ids


def _halves(asked: TrailFilters, timezone: tzinfo, numbered: list[int] | None) -> list[Any]:
    audit: Any = select(
        literal("audit").label("source"),
        AuditEntry.id,
        AuditEntry.created_at,
        AuditEntry.actor_kind,
        AuditEntry.actor_id,
        AuditEntry.actor_name,
        AuditEntry.action,
        AuditEntry.record_kind,
        AuditEntry.record_id,
        AuditEntry.record_name,
        literal("").label("about"),
        AuditEntry.before,
        AuditEntry.after,
        cast(null(), JSONB).label("changes"),
        cast(null(), Text).label("from_status"),
        cast(null(), Text).label("to_status"),
        AuditEntry.note,
    ).where(*_conditions(asked, timezone, AuditEntry, _names(asked.q, AuditEntry.action, AuditEntry.record_name)))
    if asked.record_kind:
        audit = audit.where(AuditEntry.record_kind == asked.record_kind)
    if asked.record_id is not None:
        audit = audit.where(AuditEntry.record_id == asked.record_id)
    events: Any = (
        select(
            literal("order").label("source"),
            OrderEvent.id,
            OrderEvent.created_at,
            OrderEvent.actor_kind,
            OrderEvent.actor_id,
            OrderEvent.actor_name,
            OrderEvent.kind.label("action"),
            literal(ORDER_KIND).label("record_kind"),
            OrderEvent.order_id.label("record_id"),
            Order.order_number.label("record_name"),
            func.coalesce(func.nullif(Order.delivery_company, ""), Order.delivery_name).label("about"),
            cast(null(), JSONB).label("before"),
            cast(null(), JSONB).label("after"),
            OrderEvent.changes,
            OrderEvent.from_status,
            OrderEvent.to_status,
            OrderEvent.note,
        )
        .join(Order, Order.id == OrderEvent.order_id)
        .where(*_conditions(asked, timezone, OrderEvent, _events_found(asked.q, numbered)))
    )
    if asked.record_kind and asked.record_kind != ORDER_KIND:
        return [audit]
    if asked.record_id is not None:
        return [audit, events.where(OrderEvent.order_id == asked.record_id)] if asked.record_kind else [audit]
    return [audit, events]


def _orders(asked: TrailFilters) -> list[tuple[Any, ...]]:
    newest = [(table.created_at.desc(), table.id.desc()) for table in (AuditEntry, OrderEvent)]
    has_events = (not asked.record_kind and asked.record_id is None) or asked.record_kind == ORDER_KIND
    return newest if has_events else newest[:1]


def _names(wanted: str | None, *columns: Any) -> list[ColumnElement[bool]]:
    return [column.icontains(wanted, autoescape=True) for column in columns] if wanted else []


def _events_found(wanted: str | None, numbered: list[int] | None) -> list[ColumnElement[bool]]:
    """What an event is found by beside who did it: its kind, by the word, and its order's number."""
    if not wanted:
        return []
    kinds = [kind.value for kind in OrderEventKind if wanted.lower() in kind.value]
    if numbered is None:
        return [OrderEvent.kind.in_(kinds), *_names(wanted, Order.order_number)]
    return [OrderEvent.kind.in_(kinds), OrderEvent.order_id.in_(numbered)]


def _conditions(
    asked: TrailFilters, timezone: tzinfo, table: Any, searched: list[ColumnElement[bool]]
) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [true()]
    if asked.who:
        kind, _, number = asked.who.partition(":")
        wanted.append(table.actor_kind == kind)
        if number:
            wanted.append(table.actor_id == int(number))
    if asked.q:
        wanted.append(or_(*_names(asked.q, table.actor_name), *searched))
    if asked.from_date:
        wanted.append(table.created_at >= start_of_business_day(asked.from_date, timezone))
    if asked.to_date:
        wanted.append(table.created_at < business_range_bounds(asked.to_date, asked.to_date, timezone)[1])
    return wanted
