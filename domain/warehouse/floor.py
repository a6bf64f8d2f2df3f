"""The warehouse page: the queue grouped by promised time, the day's figures, and the next orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Interval,
    Select,
    and_,
    any_,
    bindparam,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import Grouping

from domain.access.own_orders import may_be_seen_by, owner_of_seen
from domain.boxes.pack import count_all, weigh_all
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, now, start_of_business_day
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.orders.filters import IS_ACTIVE, IS_UNPICKED, ORDERS, search_condition
from domain.orders.queries import Reader
from domain.warehouse.delivery_hours import DELIVERIES, LOOKED_BACK, find_promises
from domain.warehouse.late import begin_carriers_day, is_late
from domain.warehouse.next_order import Visitor, list_visitors
from domain.warehouse.packing import list_pack_items_of, pack_orders
from domain.warehouse.promise import promised_at
from domain.warehouse.queue import IN_THE_LAST, ROW_NAMES, QueueRow
from models import Label, OrderStatus, columns_of
from models.session import plan_for_values

LABELS = columns_of(Label)
OUNCES_PER_POUND = 16
MOMENTS = ARRAY(DateTime(timezone=True))


class Stage(StrEnum):
    """The tabs of the queue: by the next step of an order, or by where it is."""

    ALL = "all"
    TO_PICK = "to_pick"
    TO_PACK = "to_pack"
    TO_SHIP = "to_ship"
    SHORT = "short"
    IN_TRANSIT = "in_transit"
    LATE = "late"
    SHIPPED_TODAY = "shipped_today"
    DELIVERED = "delivered"


class FloorQuery(PageInput):
    """The filters of the page."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 100
    stage: Stage = Stage.ALL
    q: Text200 = ""


@dataclass(frozen=True, slots=True)
class FloorRow:
    """One order with its progress. The weight is None if a product's weight is unknown."""

    order: QueueRow
    stage: Stage
    promised_at: datetime
    units: int
    packed: int
    boxes: int
    weight_oz: Decimal | None
    labels: int
    visitors: Sequence[Visitor]

    @property
    def pounds(self) -> Decimal | None:
        """The weight in pounds."""
        return None if self.weight_oz is None else self.weight_oz / OUNCES_PER_POUND


@dataclass(frozen=True, slots=True)
class Group:
    """The orders promised for the same time."""

    promised_at: datetime
    rows: Sequence[FloorRow]

    @property
    def units(self) -> int:
        """The number of units of these orders."""
        return sum(row.units for row in self.rows)


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What is done and to do today, and in transit. `left_in_time` counts delivered orders that left as promised."""

    to_pick: int
    to_pack: int
    to_ship: int
    short: int
    shipped_today: int
    in_transit: int
    late: int
    delivered: int
    left_in_time: int
    shipped_yesterday: int
    delivered_before: int

    @property
    def active(self) -> int:
        """The number of orders that can be worked on."""
        return self.to_pick + self.to_pack + self.to_ship + self.short

    @property
    def today(self) -> int:
        """The number of orders shipped today or still to be shipped."""
        return self.shipped_today + self.active


@dataclass(frozen=True, slots=True)
class Floor:
    """The data of the page."""

    page: Page[FloorRow]
    groups: Sequence[Group]
    counts: DayCounts


_MOMENT = DateTime(timezone=True)
_TODAY, _WEEK_AGO = bindparam("today", type_=_MOMENT), bindparam("week_ago", type_=_MOMENT)
_SELECT = select(*(ORDERS[name] for name in ROW_NAMES))
_BOUGHT = (
    select(LABELS.order_id, func.count())
    .where(
        LABELS.order_id == any_(bindparam("ids", type_=ARRAY(BigInteger))),
        LABELS.state == "bought",
        LABELS.voided_at.is_(None),
    )
    .group_by(LABELS.order_id)
)
_IS_OPEN = ORDERS.set_aside_at.is_(None)
# The next step of orders that can be worked on.
_STEPS: dict[Stage, ColumnElement[bool]] = {
    Stage.ALL: true(),
    Stage.TO_PICK: IS_UNPICKED,
    Stage.TO_PACK: and_(_IS_OPEN, ORDERS.status == OrderStatus.CONFIRMED, ORDERS.picked_at.is_not(None)),
    Stage.TO_SHIP: and_(_IS_OPEN, ORDERS.status == OrderStatus.PACKED),
    Stage.SHORT: ~_IS_OPEN,
}
# The condition of each tab. The times it names are those of `_find_moments`.
_IS_AT: dict[Stage, ColumnElement[bool]] = {
    **{stage: and_(IS_ACTIVE, step) for stage, step in _STEPS.items()},
    Stage.IN_TRANSIT: ORDERS.status == OrderStatus.SHIPPED,
    Stage.LATE: is_late(bindparam("carriers_day", type_=_MOMENT)),
    Stage.SHIPPED_TODAY: and_(ORDERS.shipped_at >= _TODAY, ORDERS.status != OrderStatus.CANCELLED),
    Stage.DELIVERED: and_(ORDERS.delivered_at >= _WEEK_AGO, ORDERS.status == OrderStatus.DELIVERED),
}


def _find_moments(timezone: tzinfo) -> dict[str, Any]:
    """Return the current times for the conditions, and for each order time the promised time."""
    today = business_today(timezone)
    since, leaves_by = find_promises(today, timezone)
    return {
        "today": start_of_business_day(today, timezone),
        "yesterday": start_of_business_day(today - timedelta(days=1), timezone),
        "week_ago": now() - IN_THE_LAST,
        "two_weeks_ago": now() - 2 * IN_THE_LAST,
        "carriers_day": begin_carriers_day(today),
        "zone": str(timezone),
        "since": since,
        "leaves_by": leaves_by,
    }


def name_stage(order: QueueRow) -> Stage:
    """Return the next step of an order."""
    if order.status == OrderStatus.DELIVERED:
        return Stage.DELIVERED
    if order.status == OrderStatus.SHIPPED:
        return Stage.IN_TRANSIT
    if order.set_aside_at is not None:
        return Stage.SHORT
    if order.status == OrderStatus.PACKED:
        return Stage.TO_SHIP
    return Stage.TO_PACK if order.picked_at is not None and order.status == OrderStatus.CONFIRMED else Stage.TO_PICK


async def show_floor(db: AsyncSession, query: FloorQuery, *, visible_to: Actor, timezone: tzinfo) -> Floor:
    """Return the rows of the page with their details, in a fixed number of statements."""
    await plan_for_values(db)
    counts = await _count(db, visible_to=visible_to, timezone=timezone)
    rows, total = await _list_rows(db, query, visible_to=visible_to, timezone=timezone)
    shown = await describe_rows(db, rows, timezone=timezone)
    groups = [Group(moment, list(together)) for moment, together in groupby(shown, key=attrgetter("promised_at"))]
    page = make_page(shown, counts[query.stage] if total is None else total, query)
    return Floor(page, groups, _make_counts(counts))


async def _list_rows(
    db: AsyncSession, query: FloorQuery, *, visible_to: Actor, timezone: tzinfo
) -> tuple[list[QueueRow], int | None]:
    """Return the rows of a page, and the number of matches of a search; None without a search."""
    own, moments = may_be_seen_by(visible_to), _find_moments(timezone)
    conditions = [_IS_AT[query.stage]] + ([] if own is None else [own])
    statement = _SELECT.where(*conditions).order_by(ORDERS.created_at, ORDERS.id)
    page = statement.limit(query.per_page).offset(query.offset)
    if not query.q:
        return [QueueRow(*row) for row in await db.execute(page, moments)], None
    found = search_condition(query.q)
    rows = (await db.execute(page.where(found).add_columns(func.count().over()), moments)).all()
    if rows or not query.offset:
        return [QueueRow(*row[:-1]) for row in rows], rows[0][-1] if rows else 0
    counted = select(func.count()).select_from(ORDERS.id.table).where(*conditions, found)
    return [], await db.scalar(counted, moments) or 0


async def describe_rows(db: AsyncSession, rows: Sequence[QueueRow], *, timezone: tzinfo) -> list[FloorRow]:
    """Return each order with its boxes, weight, scans, labels and the colleagues working on it."""
    ids = [row.id for row in rows]
    items = await list_pack_items_of(db, ids)
    boxes = await pack_orders(db, {id_: items.get(id_, []) for id_ in ids}) if ids else {}
    visitors = await list_visitors(db, ids)
    bought = {row[0]: row[1] for row in await db.execute(_BOUGHT, {"ids": ids})} if ids else {}
    return [
        FloorRow(
            order=row,
            stage=name_stage(row),
            promised_at=promised_at(row.created_at, timezone),
            units=sum(item.quantity for item in items.get(row.id, [])),
            packed=sum(item.packed for item in items.get(row.id, [])),
            boxes=count_all(boxes[row.id]),
            weight_oz=weigh_all(boxes[row.id]),
            labels=bought.get(row.id, 0),
            visitors=[visitor for visitor in visitors if visitor.order_id == row.id] if visitors else [],
        )
        for row in rows
    ]


async def count_day(db: Reader, *, visible_to: Actor, timezone: tzinfo) -> DayCounts:
    """Return the counts of all tabs, in one statement."""
    return _make_counts(await _count(db, visible_to=visible_to, timezone=timezone))


def _make_counts(found: Mapping[str, int]) -> DayCounts:
    return DayCounts(**{name: found[name] for name in DayCounts.__slots__})


async def _count(db: Reader, *, visible_to: Actor, timezone: tzinfo) -> Mapping[str, int]:
    """Return the number of orders of each tab by its name, and the figures for comparison."""
    values = _find_moments(timezone) | {"owner": visible_to.id}
    return dict((await db.execute(_write_counts(owner_of_seen(visible_to)), values)).mappings().one())


@cache
def _write_counts(owner: str | None) -> Select[Any]:
    """The statement of `_count`, which reads each order once. `owner` is the column that must contain the reader's id,
    if any; the deliveries of all orders are stored by the hour.
    """
    mine = [] if owner is None else [ORDERS[owner] == bindparam("owner")]
    yesterday = bindparam("yesterday", type_=_MOMENT)
    parts: list[tuple[ColumnElement[bool], dict[str, ColumnElement[bool]]]] = [
        (IS_ACTIVE, {stage.value: step for stage, step in _STEPS.items()}),
        (_IS_AT[Stage.IN_TRANSIT], {Stage.IN_TRANSIT.value: true()}),
        (_IS_AT[Stage.LATE], {Stage.LATE.value: true()}),
        (
            and_(ORDERS.shipped_at >= yesterday, ORDERS.status != OrderStatus.CANCELLED),
            {Stage.SHIPPED_TODAY.value: ORDERS.shipped_at >= _TODAY, "shipped_yesterday": ORDERS.shipped_at < _TODAY},
        ),
        *([] if owner is None else [_deliveries()]),
    ]
    counted: list[Any] = [
        select(*(func.count().filter(condition).label(name) for name, condition in counts.items()))
        .select_from(ORDERS.id.table)
        .where(which, *mine)
        .subquery()
        for which, counts in parts
    ]
    if owner is None:
        counted.append(DELIVERIES.subquery())
    joined: Any = counted[0]
    for following in counted[1:]:
        joined = joined.join(following, true())
    return select(*(column for part in counted for column in part.c)).select_from(joined)


def _deliveries() -> tuple[ColumnElement[bool], dict[str, ColumnElement[bool]]]:
    """What `DELIVERIES` counts, for the orders of one person."""
    # In SQL, a parameter must be in parentheses to be indexed.
    leaves_by, since = Grouping(bindparam("leaves_by", type_=MOMENTS)), bindparam("since", type_=MOMENTS)
    promised = leaves_by[func.width_bucket(ORDERS.created_at, since)]
    is_new = ORDERS.delivered_at >= _WEEK_AGO
    is_young = ORDERS.created_at >= ORDERS.delivered_at - literal(LOOKED_BACK, Interval)
    return (
        and_(ORDERS.delivered_at >= bindparam("two_weeks_ago", type_=_MOMENT), ORDERS.status == OrderStatus.DELIVERED),
        {
            Stage.DELIVERED.value: is_new,
            "delivered_before": ~is_new,
            "left_in_time": and_(is_new, is_young, ORDERS.shipped_at <= promised),
        },
    )
