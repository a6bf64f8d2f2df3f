"""Reads subscriptions: the list, and one with its renewals and its customer's orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, literal_column, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import join

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.errors import NotFound
from domain.kernel.inputs import DateIn, Id
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import NewestPageInput, Page, make_page
from domain.orders.business import current_business
from domain.orders.rules import OrderRules
from domain.subscriptions.amounts import IS_SOLD, SOLD, next_amount
from domain.subscriptions.status_counts import count_by_status
from models import (
    AuditAction,
    AuditEntry,
    Customer,
    Order,
    OrderItem,
    OrderStatus,
    Product,
    Renewal,
    Role,
    SavedPayment,
    Subscription,
    SubscriptionStatus,
)

MOST_HISTORY = 100


class SubscriptionSort(StrEnum):
    """The sort orders of the list besides newest first: by the day of the next attempt, or by amount; "-" descends."""

    NEXT = "next"
    NEXT_FALLING = "-next"
    AMOUNT = "amount"
    AMOUNT_FALLING = "-amount"


class ListSubscriptions(NewestPageInput):
    """Which subscriptions to list; newest first unless sorted."""

    status: SubscriptionStatus | None = None
    user_id: Id | None = None
    failed: bool = False
    """True lists only active ones whose last renewal failed and is being retried."""
    due: DateIn | None = None
    """Only active ones that renew on this day and have not failed; today includes overdue ones."""
    sort: SubscriptionSort | None = None
    """The sort order; by date, those that do not renew come last."""


@dataclass(frozen=True, slots=True)
class RenewalLine:
    """One attempt to renew."""

    id: int
    status: str
    amount: Decimal
    order_number: str | None
    payment_intent_id: str | None
    error: str | None
    created_at: datetime
    due_date: date
    attempt: int


@dataclass(frozen=True, slots=True)
class SubscriptionLine:
    """A subscription with its customer, its product and its newest renewal."""

    id: int
    user_id: int
    product_id: int
    product_sku: str
    product_name: str
    quantity: int
    interval_days: int
    discount_pct: Decimal
    next_renewal_date: date
    retry_on: date | None
    status: SubscriptionStatus
    payment_type: SavedPayment
    pays_by: str
    customer_name: str
    customer_email: str | None
    customer_phone: str | None
    customer_company: str
    delivery_name: str
    delivery_phone: str | None
    delivery_email: str
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str
    delivery_company: str
    notes: str
    created_at: datetime
    version: int
    payment_expires_on: date | None
    # The amount of the next renewal at today's prices, in US dollars.
    amount: Decimal
    last_renewal: RenewalLine | None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a subscription, and the values of its fields afterwards."""

    action: AuditAction
    after: dict[str, Any]
    note: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SubscriptionDetail:
    """One subscription with the data of its page."""

    line: SubscriptionLine
    renewals: list[RenewalLine]
    order_history: list[Any]
    product_history: list[Any]


_COLUMNS = (
    Subscription.id,
    Subscription.customer_id,
    Subscription.product_id,
    Product.sku,
    Product.name,
    Subscription.quantity,
    Subscription.interval_days,
    Subscription.discount_pct,
    Subscription.next_renewal_date,
    Subscription.retry_on,
    Subscription.status,
    Subscription.payment_type,
    Subscription.pays_by,
    func.trim(Customer.first_name + " " + Customer.last_name),
    Customer.email,
    Customer.phone,
    Customer.company_name,
    Subscription.delivery_name,
    Subscription.delivery_phone,
    Subscription.delivery_email,
    Subscription.delivery_address,
    Subscription.delivery_city,
    Subscription.delivery_state,
    Subscription.delivery_zip,
    Subscription.delivery_company,
    Subscription.notes,
    Subscription.created_at,
    Subscription.version,
    Subscription.payment_expires_on,
)
# As in the index ix_subscription_next: the day of the next attempt; NULL if it does not renew.
_NEXT_TRY: ColumnElement[Any] = case(
    (
        Subscription.status == literal_column("'active'"),
        func.coalesce(Subscription.retry_on, Subscription.next_renewal_date),
    )
)
# Active ones whose last renewal failed and is tried again.
IS_RETRIED = and_(Subscription.status == SubscriptionStatus.ACTIVE, Subscription.retry_on.is_not(None))
_RENEWAL = (
    Renewal.id,
    Renewal.status,
    Renewal.amount,
    Order.order_number,
    func.nullif(Renewal.payment_intent_id, "").label("payment_intent_id"),
    func.nullif(Renewal.error, "").label("error"),
    Renewal.created_at,
    Renewal.due_date,
    Renewal.attempt,
)


async def list_subscriptions(
    db: AsyncConnection, asked: ListSubscriptions, *, rules: OrderRules, visible_to: Actor
) -> Page[SubscriptionLine]:
    """Return a page of the subscriptions that the actor may see, each with its newest renewal.

    Ascending by date, an index gives the order; by amount, all prices are calculated.
    """
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    conditions = _conditions_of(asked, visible_to)
    total = await _count(db, asked, visible_to, conditions)
    statement = select_lines(rules).where(and_(True, *conditions)).order_by(*_order_of(asked.sort, rules))
    rows = (await db.execute(statement.limit(asked.per_page).offset(asked.offset))).all()
    return make_page(await show_lines(db, rows), total, asked)


async def _count(
    db: AsyncConnection, asked: ListSubscriptions, visible_to: Actor, conditions: list[ColumnElement[bool]]
) -> int:
    """Return the number of subscriptions in the list; those of a status, or all, are stored."""
    if not conditions:
        return sum((await count_by_status(db)).values())
    if len(conditions) == 1 and asked.status is not None:
        return (await count_by_status(db))[asked.status]
    counted = select(func.count()).select_from(Subscription)
    if visible_subscriptions(visible_to):
        counted = counted.join(Customer, Customer.id == Subscription.customer_id)
    return await db.scalar(counted.where(*conditions)) or 0


async def find_subscription_neighbours(
    db: AsyncConnection, subscription_id: int, asked: ListSubscriptions, *, rules: OrderRules, visible_to: Actor
) -> Neighbours:
    """Return the subscriptions before and after one in the list with these filters, among those the actor may see."""
    return await find_listed_neighbours(
        db,
        name=Subscription.id.expression,
        source=join(join(Subscription, Customer), SOLD, IS_SOLD),
        order=_order_of(asked.sort, rules),
        here=subscription_id,
        conditions=_conditions_of(asked, visible_to),
    )


def _conditions_of(asked: ListSubscriptions, visible_to: Actor) -> list[ColumnElement[bool]]:
    conditions = visible_subscriptions(visible_to)
    if asked.status is not None:
        conditions.append(Subscription.status == asked.status)
    if asked.user_id is not None:
        conditions.append(Subscription.customer_id == asked.user_id)
    if asked.failed:
        conditions.append(IS_RETRIED)
    if asked.due is not None:
        is_today = asked.due == business_today(current_business().timezone)
        day = Subscription.next_renewal_date
        conditions += [
            Subscription.status == SubscriptionStatus.ACTIVE,
            Subscription.retry_on.is_(None),
            day <= asked.due if is_today else day == asked.due,
        ]
    return conditions


def _order_of(sort: SubscriptionSort | None, rules: OrderRules) -> list[ColumnElement[Any]]:
    if sort is None:
        return [Subscription.id.desc()]
    is_falling = sort.startswith("-")
    by_amount = sort.lstrip("-") == SubscriptionSort.AMOUNT
    column = next_amount(rules) if by_amount else _NEXT_TRY
    # Ascending, NULLs come last by default, as in the index.
    return [column.desc().nulls_last() if is_falling else column.asc(), Subscription.id.expression.asc()]


async def list_changes(db: AsyncSession, subscription_id: int) -> list[Change]:
    """Return the changes of a subscription, newest first."""
    entries = await db.scalars(
        select(AuditEntry)
        .where(AuditEntry.record_kind == "subscription", AuditEntry.record_id == subscription_id)
        .order_by(AuditEntry.id.desc())
        .limit(MOST_HISTORY)
    )
    return [
        Change(AuditAction(one.action), one.after or {}, one.note, one.actor_name, one.created_at) for one in entries
    ]


async def show_lines(db: AsyncConnection, rows: Sequence[Row[Any]]) -> list[SubscriptionLine]:
    """Return rows of `select_lines`, each with its newest renewal."""
    newest = await list_newest_renewals(db, [row[0] for row in rows])
    return [_make_line(row, newest.get(row[0])) for row in rows]


async def get_subscription(
    db: AsyncConnection, subscription_id: int, *, rules: OrderRules, visible_to: Actor
) -> SubscriptionDetail:
    """Return one subscription in detail. Raises NotFound, also if the rep may not see it."""
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    conditions = [Subscription.id == subscription_id, *visible_subscriptions(visible_to)]
    row = (await db.execute(select_lines(rules).where(and_(*conditions)))).first()
    if row is None:
        raise NotFound("There is no such subscription.")
    renewals = await list_renewals(db, subscription_id)
    line = _make_line(row, renewals[0] if renewals else None)
    return SubscriptionDetail(
        line, renewals, await _list_orders(db, line.user_id), await _list_product(db, line.user_id, line.product_id)
    )


async def list_renewals(db: AsyncConnection, subscription_id: int) -> list[RenewalLine]:
    """Return a subscription's renewals, newest first."""
    rows = await db.execute(
        select(*_RENEWAL)
        .outerjoin(Order, Order.id == Renewal.order_id)
        .where(Renewal.subscription_id == subscription_id)
        .order_by(Renewal.id.desc())
        .limit(MOST_HISTORY)
    )
    return [RenewalLine(*row) for row in rows]


async def get_renewal(db: AsyncConnection, renewal_id: int) -> tuple[RenewalLine, int]:
    """Return one renewal and the id of its subscription."""
    asked = select(*_RENEWAL, Renewal.subscription_id).outerjoin(Order, Order.id == Renewal.order_id)
    row = (await db.execute(asked.where(Renewal.id == renewal_id))).one()
    return RenewalLine(*row[:-1]), row[-1]


@cache
def select_lines(rules: OrderRules) -> Select[Any]:
    """Select the columns of a line; the newest renewals are read separately."""
    return (
        select(*_COLUMNS, next_amount(rules))
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
        .join(SOLD, IS_SOLD)
    )


def _make_line(row: Row[Any], last_renewal: RenewalLine | None) -> SubscriptionLine:
    values: list[Any] = [*row, last_renewal]
    return SubscriptionLine(*values)


def visible_subscriptions(actor: Actor) -> list[Any]:
    """Return the conditions, on the joined customer, for what the actor may see."""
    return [Customer.sales_rep_id == actor.id] if actor.has_role(Role.SALES_REP) else []


async def list_newest_renewals(db: AsyncConnection, ids: list[int]) -> dict[int, RenewalLine]:
    """Return the newest renewal of each of these subscriptions by id."""
    rows = await db.execute(
        select(Renewal.subscription_id, *_RENEWAL)
        .outerjoin(Order, Order.id == Renewal.order_id)
        .where(Renewal.subscription_id.in_(ids))
        .ext(distinct_on(Renewal.subscription_id))
        .order_by(Renewal.subscription_id, Renewal.id.desc())
    )
    return {row[0]: RenewalLine(*row[1:]) for row in rows}


async def _list_orders(db: AsyncConnection, customer_id: int) -> list[Any]:
    rows = await db.execute(
        select(Order.order_number, Order.created_at, Order.total_amount, Order.status)
        .where(Order.customer_id == customer_id)
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(MOST_HISTORY)
    )
    return list(rows.all())


async def _list_product(db: AsyncConnection, customer_id: int, product_id: int) -> list[Any]:
    rows = await db.execute(
        select(Order.order_number, Order.created_at, OrderItem.quantity, OrderItem.unit_price)
        .join(OrderItem, OrderItem.order_id == Order.id)
        .where(
            Order.customer_id == customer_id,
            OrderItem.product_id == product_id,
            Order.status != OrderStatus.CANCELLED,
        )
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(MOST_HISTORY)
    )
    return list(rows.all())
