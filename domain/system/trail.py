"""The history for administrators: changes of records and events of orders together, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Annotated, Any

from pydantic import StringConstraints
from sqlalchemy import ColumnElement, Select, Text, cast, func, literal, null, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_range_bounds, start_of_business_day
from domain.kernel.counting import Counted
from domain.kernel.inputs import DateIn, Id, Text60
from domain.kernel.paging import Page, PageInput
from domain.kernel.texts import as_search_pattern
from models import MONEY_EVENTS, AuditAction, AuditEntry, Order, OrderEvent, OrderEventKind, Staff

ORDER_KIND = "order"
# Shorter texts have no three letters, which the trigram index needs. At most this many orders are looked up, among at
# most this many that contain the text.
LEAST_INDEXED, MOST_LOOKED_UP, MOST_CANDIDATES = 3, 500, 2_000


class TrailTab(StrEnum):
    """What the changes are about; each belongs to one tab."""

    ALL = "all"
    ORDERS = "orders"
    MONEY = "money"
    PRODUCTS = "products"
    CUSTOMERS = "customers"
    CALLS = "calls"
    SETTINGS = "settings"


# The kinds of records in each tab; all other kinds are in settings. Order events that moved money are in money.
TAB_KINDS = {
    TrailTab.ORDERS: (ORDER_KIND, "orders", "label", "box_rule"),
    TrailTab.MONEY: ("invoice", "commission", "commission_month", "sale"),
    TrailTab.PRODUCTS: ("product", "category", "vendor"),
    TrailTab.CUSTOMERS: ("customer", "subscription", "savings_request", "score"),
    TrailTab.CALLS: ("calling_entry", "call_queue", "prompt_version", "rfq", "suppressed_number"),
}
_TABS = {kind: tab for tab, kinds in TAB_KINDS.items() for kind in kinds}
MONEY_ACTIONS = (
    AuditAction.COMMISSION_PAID, AuditAction.COMMISSION_UNPAID, AuditAction.CUSTOMER_CREDIT_ADJUSTED,
    AuditAction.INVOICE_PAYMENT_TAKEN_BACK,
)  # fmt: skip


class TrailFilters(PageInput):
    """The filters of the list, from its URL. Dates are business days, inclusive."""

    q: Text60 | None = None
    record_kind: Text60 | None = None
    record_id: Id | None = None
    who: Annotated[str, StringConstraints(pattern=r"^(staff:\d{1,18}|system|voice|customer|api_key)$")] | None = None
    """A colleague as `staff:3`, or everybody of a kind."""
    from_date: DateIn | None = None
    to_date: DateIn | None = None
    tab: TrailTab = TrailTab.ALL
    money: bool = False
    """Only what moved money: payments, refunds, credit, paid commissions."""
    whole: bool | None = None
    """True searches for words in all rows, however many there are."""

    @property
    def is_filtered(self) -> bool:
        """True unless the list shows the whole history."""
        chosen = (self.q, self.record_kind, self.record_id, self.who, self.from_date, self.to_date)
        return any(value is not None for value in chosen) or self.money or self.tab is not TrailTab.ALL


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One change: of a record with its values before and after, or an event of an order with its own changes.

    `about` is the customer of an order.
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
        """What was changed, with the values before and after."""
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


@dataclass(frozen=True, slots=True)
class Trail:
    """A page of the history. `tabs` is None if there are too many rows to count them by tab.

    `looked_back_to` is how far back a search looked for words; None means all of it. `knows_names` is false if so many
    people or orders match that they were not looked up.
    """

    page: Page[TrailRow]
    counted: Counted
    tabs: dict[TrailTab, int] | None
    looked_back_to: datetime | None = None
    knows_names: bool = True


def kind_of(table: Any) -> Any:
    """Return the column of a source table that decides in which tab a row is."""
    return AuditEntry.record_kind if table is AuditEntry else OrderEvent.kind


def find_tab(table: Any, kind: str) -> TrailTab:
    """Return the tab of a row of a source table, by its kind."""
    if table is AuditEntry:
        return _TABS.get(kind, TrailTab.SETTINGS)
    return TrailTab.MONEY if kind in MONEY_EVENTS else TrailTab.ORDERS


async def list_record_kinds(db: AsyncSession) -> list[str]:
    """Return the kinds of records in the history, sorted."""
    # Skips through the index from kind to kind, so that a long history is not read for its few kinds.
    first = select(func.min(AuditEntry.record_kind).label("kind")).cte("kinds", recursive=True)
    following = select(func.min(AuditEntry.record_kind)).where(AuditEntry.record_kind > first.c.kind).scalar_subquery()
    kinds = first.union_all(select(following).where(first.c.kind.is_not(None)))
    found = await db.scalars(select(kinds.c.kind).where(kinds.c.kind.is_not(None)))
    return sorted({*found.all(), ORDER_KIND})


async def list_people(db: AsyncSession) -> Sequence[tuple[int, str]]:
    """Return the colleagues by whom the history can be filtered."""
    name = func.coalesce(func.nullif(Staff.full_name, ""), Staff.username)
    return [(row[0], row[1]) for row in await db.execute(select(Staff.id, name).order_by(func.lower(name), Staff.id))]


async def find_orders(db: AsyncSession, wanted: str) -> list[int] | None:
    """Return the ids of orders whose number contains the text; None if there are too many, or the text is too short."""
    if len(wanted) < LEAST_INDEXED:
        return None
    # An order's search text begins with its number and has an index.
    found = select(Order.id, Order.order_number).where(Order.search_text.like(holding(wanted)))
    candidates = list(await db.execute(found.limit(MOST_CANDIDATES + 1)))
    if len(candidates) > MOST_CANDIDATES:
        return None
    ids = [number for number, name in candidates if wanted.lower() in name.lower()]
    return None if len(ids) > MOST_LOOKED_UP else ids


def holding(wanted: str) -> str:
    """Return the LIKE pattern for a text within an indexed column."""
    return f"%{as_search_pattern(wanted.lower())}%"


_CHANGES: Any = select(
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
)
_EVENTS: Any = select(
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
).join(Order, Order.id == OrderEvent.order_id)
# The complete rows of each source table, with the names of TrailRow.
WHOLE_ROWS: dict[Any, Select[Any]] = {AuditEntry: _CHANGES, OrderEvent: _EVENTS}


def select_ids(asked: TrailFilters, timezone: tzinfo, numbered: list[int] | None) -> dict[Any, Select[Any]]:
    """Select the matching rows by `source`, `id` and `created_at`, for each table that the filters allow."""
    changes: Any = select(literal("audit").label("source"), AuditEntry.id, AuditEntry.created_at)
    events: Any = select(literal("order").label("source"), OrderEvent.id, OrderEvent.created_at)
    if asked.q and numbered is None:
        events = events.join(Order, Order.id == OrderEvent.order_id)
    named = holds(asked.q, AuditEntry.action, AuditEntry.record_name)
    found = {
        AuditEntry: changes.where(*list_conditions(asked, timezone, AuditEntry, named)),
        OrderEvent: events.where(*list_conditions(asked, timezone, OrderEvent, _events_found(asked.q, numbered))),
    }
    return {table: found[table] for table in list_tables(asked)}


def _has_events(asked: TrailFilters) -> bool:
    """Return True if the filters allow events of orders; an id without a kind is never an order's."""
    if asked.tab not in {TrailTab.ALL, TrailTab.ORDERS, TrailTab.MONEY}:
        return False
    return asked.record_kind == ORDER_KIND or (not asked.record_kind and asked.record_id is None)


def list_tables(asked: TrailFilters) -> list[Any]:
    """Return the source tables that the filters allow."""
    return [AuditEntry, OrderEvent] if _has_events(asked) else [AuditEntry]


def holds(wanted: str | None, *columns: Any) -> list[ColumnElement[bool]]:
    """Return the conditions for a text in any of these columns."""
    return [column.icontains(wanted, autoescape=True) for column in columns] if wanted else []


def _events_found(wanted: str | None, numbered: list[int] | None) -> list[ColumnElement[bool]]:
    """Return how an event is found in addition to who did it: by its kind and by its order's number."""
    if not wanted:
        return []
    kinds = [kind.value for kind in OrderEventKind if wanted.lower() in kind.value]
    if numbered is None:
        return [OrderEvent.kind.in_(kinds), *holds(wanted, Order.order_number)]
    return [OrderEvent.kind.in_(kinds), OrderEvent.order_id.in_(numbered)]


def list_conditions(
    asked: TrailFilters, timezone: tzinfo, table: Any, searched: list[ColumnElement[bool]]
) -> list[ColumnElement[bool]]:
    """Return the conditions of a row for the filters; `searched` are additional ways in which a text matches."""
    wanted: list[ColumnElement[bool]] = [true()]
    if asked.who:
        kind, _, number = asked.who.partition(":")
        wanted.append(table.actor_kind == kind)
        if number:
            wanted.append(table.actor_id == int(number))
    if asked.q:
        wanted.append(or_(*holds(asked.q, table.actor_name), *searched))
    if asked.from_date:
        wanted.append(table.created_at >= start_of_business_day(asked.from_date, timezone))
    if asked.to_date:
        wanted.append(table.created_at < business_range_bounds(asked.to_date, asked.to_date, timezone)[1])
    return wanted + (_of_changes(asked) if table is AuditEntry else _of_events(asked))


def _of_changes(asked: TrailFilters) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if asked.record_kind:
        wanted.append(AuditEntry.record_kind == asked.record_kind)
    if asked.record_id is not None:
        wanted.append(AuditEntry.record_id == asked.record_id)
    if asked.tab is TrailTab.SETTINGS:
        wanted.append(AuditEntry.record_kind.not_in(_TABS))
    elif asked.tab is not TrailTab.ALL:
        wanted.append(AuditEntry.record_kind.in_(TAB_KINDS[asked.tab]))
    if asked.money:
        wanted.append(AuditEntry.action.in_(MONEY_ACTIONS))
    return wanted


def _of_events(asked: TrailFilters) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if asked.money or asked.tab is TrailTab.MONEY:
        wanted.append(OrderEvent.kind.in_(MONEY_EVENTS))
    if asked.tab is TrailTab.ORDERS:
        wanted.append(OrderEvent.kind.not_in(MONEY_EVENTS))
    if asked.record_id is not None:
        wanted.append(OrderEvent.order_id == asked.record_id)
    return wanted
