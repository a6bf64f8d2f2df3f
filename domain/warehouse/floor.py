"""The warehouse's page: the queue grouped by when each order is promised, the day so far, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ARRAY, ColumnElement, DateTime, and_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import Grouping

from domain.access.own_orders import may_be_seen_by
from domain.boxes.pack import count_all, weigh_all
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, now, start_of_business_day
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.orders.filters import ORDERS, search_condition
from domain.orders.queries import Reader
from domain.warehouse.late import is_late
from domain.warehouse.next_order import Visitor, list_visitors
from domain.warehouse.packing import list_pack_items_of, pack_orders
from domain.warehouse.promise import list_promises, promised_at
from domain.warehouse.queue import IN_THE_LAST, IS_ACTIVE, ROW_NAMES, QueueRow
from models import Label, OrderStatus, columns_of
from models.session import plan_for_values

LABELS = columns_of(Label)
OUNCES_PER_POUND = 16
MOMENTS = ARRAY(DateTime(timezone=True))
# An order that is older than this when it is delivered did not leave as promised.
LOOKED_BACK = timedelta(days=60)


class Stage(StrEnum):
    """The tabs of the queue: what is to be done next with an order, and where the others are."""

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
    """What the page shows."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 100
    stage: Stage = Stage.ALL
    q: Text200 = ""


@dataclass(frozen=True, slots=True)
class FloorRow:
    """One order with what is done of it; pounds are None while a product's weight is unknown."""

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
        """Its weight in pounds."""
        return None if self.weight_oz is None else self.weight_oz / OUNCES_PER_POUND


@dataclass(frozen=True, slots=True)
class Group:
    """The orders promised for one moment."""

    promised_at: datetime
    rows: Sequence[FloorRow]

    @property
    def units(self) -> int:
        """How many items they make."""
        return sum(row.units for row in self.rows)


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What is done and to do today, and what is on its way; `left_in_time` of the delivered ones left as promised."""

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
        """How many orders can be worked on."""
        return self.to_pick + self.to_pack + self.to_ship + self.short

    @property
    def today(self) -> int:
        """What is shipped today and what is still to ship."""
        return self.shipped_today + self.active


@dataclass(frozen=True, slots=True)
class Floor:
    """Everything that the page shows."""

    page: Page[FloorRow]
    groups: Sequence[Group]
    counts: DayCounts


_SELECT = select(*(ORDERS[name] for name in ROW_NAMES))
_IS_OPEN = and_(IS_ACTIVE, ORDERS.set_aside_at.is_(None))
# The conditions that are the same at any hour.
_STANDING: dict[Stage, ColumnElement[bool]] = {
    Stage.ALL: IS_ACTIVE,
    Stage.TO_PICK: and_(_IS_OPEN, ORDERS.status != OrderStatus.PACKED, ORDERS.picked_at.is_(None)),
    Stage.TO_PACK: and_(_IS_OPEN, ORDERS.status == OrderStatus.CONFIRMED, ORDERS.picked_at.is_not(None)),
    Stage.TO_SHIP: and_(_IS_OPEN, ORDERS.status == OrderStatus.PACKED),
    Stage.SHORT: and_(IS_ACTIVE, ORDERS.set_aside_at.is_not(None)),
    Stage.IN_TRANSIT: ORDERS.status == OrderStatus.SHIPPED,
}


def is_at(stage: Stage, *, timezone: tzinfo) -> ColumnElement[bool]:
    """The condition that an order stands under a tab."""
    if stage in _STANDING:
        return _STANDING[stage]
    if stage is Stage.LATE:
        return is_late(timezone)
    if stage is Stage.SHIPPED_TODAY:
        today = start_of_business_day(business_today(timezone), timezone)
        return and_(ORDERS.shipped_at >= today, ORDERS.status != OrderStatus.CANCELLED)
    return and_(ORDERS.delivered_at >= now() - IN_THE_LAST, ORDERS.status == OrderStatus.DELIVERED)


def name_stage(order: QueueRow) -> Stage:
    """What is to be done next with an order."""
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
    """The page's rows with all that stands beside them, in a fixed number of statements."""
    await plan_for_values(db)
    own = may_be_seen_by(visible_to)
    conditions = [is_at(query.stage, timezone=timezone)] + ([] if own is None else [own])
    if query.q:
        conditions.append(search_condition(query.q))
    statement = _SELECT.where(*conditions).order_by(ORDERS.created_at, ORDERS.id)
    rows = [QueueRow(*row) for row in await db.execute(statement.limit(query.per_page).offset(query.offset))]
    total = await db.scalar(select(func.count()).select_from(ORDERS.id.table).where(*conditions)) or 0
    shown = await describe_rows(db, rows, timezone=timezone)
    groups = [Group(moment, list(together)) for moment, together in groupby(shown, key=attrgetter("promised_at"))]
    counts = await count_day(db, visible_to=visible_to, timezone=timezone)
    return Floor(make_page(shown, total, query), groups, counts)


async def describe_rows(db: AsyncSession, rows: Sequence[QueueRow], *, timezone: tzinfo) -> list[FloorRow]:
    """Each order with its boxes, weight, scans, labels and who stands at it."""
    ids = [row.id for row in rows]
    items = await list_pack_items_of(db, ids)
    boxes = await pack_orders(db, {id_: items.get(id_, []) for id_ in ids}) if ids else {}
    visitors = await list_visitors(db, ids)
    bought: dict[int, int] = {}
    if ids:
        counted = (
            select(LABELS.order_id, func.count())
            .where(LABELS.order_id.in_(ids), LABELS.state == "bought", LABELS.voided_at.is_(None))
            .group_by(LABELS.order_id)
        )
        bought = {row[0]: row[1] for row in await db.execute(counted)}
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
    """The counts of every tab, in one statement."""
    own = may_be_seen_by(visible_to)
    mine: list[Any] = [] if own is None else [own]
    counts = [
        select(func.count())
        .select_from(ORDERS.id.table)
        .where(is_at(stage, timezone=timezone), *mine)
        .scalar_subquery()
        .label(stage.value)
        for stage in Stage
        if stage is not Stage.ALL
    ]
    counts += [
        select(func.count()).select_from(ORDERS.id.table).where(condition, *mine).scalar_subquery().label(name)
        for name, condition in (_count_before(timezone) | {"left_in_time": _left_in_time(timezone)}).items()
    ]
    found = (await db.execute(select(*counts))).mappings().one()
    return DayCounts(**{name: found[name] for name in DayCounts.__slots__})


def _left_in_time(timezone: tzinfo) -> ColumnElement[bool]:
    """The condition that an order of the delivered ones left by the moment it was promised for.

    The promise is found by the moment of the order among those of the last weeks; what was ordered before is late.
    """
    today = business_today(timezone)
    promises = list_promises(today - LOOKED_BACK, today, timezone)
    since, leaves_by = (literal(list(moments), MOMENTS) for moments in zip(*promises, strict=True))
    # Only in parentheses may a parameter be indexed.
    promised = Grouping(leaves_by)[func.width_bucket(ORDERS.created_at, since)]
    return and_(is_at(Stage.DELIVERED, timezone=timezone), ORDERS.shipped_at <= promised)


def _count_before(timezone: tzinfo) -> dict[str, ColumnElement[bool]]:
    """The conditions of what the day's counts are compared with."""
    today = business_today(timezone)
    yesterday, week_ago = start_of_business_day(today - timedelta(days=1), timezone), now() - IN_THE_LAST
    left = and_(ORDERS.shipped_at >= yesterday, ORDERS.shipped_at < start_of_business_day(today, timezone))
    came = and_(ORDERS.delivered_at >= week_ago - IN_THE_LAST, ORDERS.delivered_at < week_ago)
    return {
        "shipped_yesterday": and_(left, ORDERS.status != OrderStatus.CANCELLED),
        "delivered_before": and_(came, ORDERS.status == OrderStatus.DELIVERED),
    }
