"""Reading subscriptions: the list, and one with its renewals and what its customer ordered."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import join

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Id
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import NewestPageInput, Page, make_page
from domain.kernel.spreadsheets import Cell, stream_csv
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
MOST_EXPORTED = 1_000
EXPORT_COLUMNS = (
    "subscription", "customer", "email", "phone", "sku", "product", "quantity", "interval_days", "discount_pct",
    "next_renewal_date", "status", "payment_type", "last_renewal", "last_amount",
)  # fmt: skip


class ListSubscriptions(NewestPageInput):
    """Which subscriptions to list, newest first."""

    status: SubscriptionStatus | None = None
    user_id: Id | None = None
    failed: bool = False
    """True shows only active ones whose last renewal failed and is tried again."""


@dataclass(frozen=True, slots=True)
class RenewalLine:
    """One try to renew."""

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
    last_renewal: RenewalLine | None


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody did with a subscription, and how its fields were from then on."""

    action: AuditAction
    after: dict[str, Any]
    note: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SubscriptionDetail:
    """One subscription with everything its page shows."""

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
)
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
    db: AsyncConnection, asked: ListSubscriptions, *, visible_to: Actor
) -> Page[SubscriptionLine]:
    """A page of the subscriptions that the actor may see, newest first, each with its newest renewal."""
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    conditions = _conditions_of(asked, visible_to)
    counted = select(func.count()).select_from(Subscription).join(Customer).where(and_(True, *conditions))
    total = await db.scalar(counted) or 0
    statement = select_lines().where(and_(True, *conditions)).order_by(Subscription.id.desc())
    rows = (await db.execute(statement.limit(asked.per_page).offset(asked.offset))).all()
    return make_page(await show_lines(db, rows), total, asked)


async def find_subscription_neighbours(
    db: AsyncConnection, subscription_id: int, asked: ListSubscriptions, *, visible_to: Actor
) -> Neighbours:
    """The subscriptions before and after one in the list under these filters, as far as the actor may see them."""
    return await find_listed_neighbours(
        db,
        name=Subscription.id.expression,
        source=join(Subscription, Customer),
        order=[Subscription.id.desc()],
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
        conditions += [Subscription.status == SubscriptionStatus.ACTIVE, Subscription.retry_on.is_not(None)]
    return conditions


async def export_subscriptions(
    db: AsyncSession, asked: ListSubscriptions, *, visible_to: Actor
) -> AsyncIterator[bytes]:
    """What the list shows under its filters, at most 1,000 rows, as pieces of a CSV file; it stands in the trail."""
    wanted = asked.model_copy(update={"page": 1, "per_page": MOST_EXPORTED})
    page = await list_subscriptions(await db.connection(), wanted, visible_to=visible_to)
    shown = asked.model_dump(mode="json", exclude={"page", "per_page"}, exclude_defaults=True)
    await record_audit(
        db,
        action=AuditAction.CUSTOMERS_EXPORTED,
        record_kind="subscription",
        record_id=None,
        after=shown | {"rows": len(page.rows)},
        by=visible_to,
    )

    async def cells() -> AsyncIterator[list[Cell]]:
        for line in page.rows:
            last = line.last_renewal
            yield [
                line.id, line.customer_company or line.customer_name, line.customer_email, line.customer_phone,
                line.product_sku, line.product_name, line.quantity, line.interval_days, line.discount_pct,
                line.next_renewal_date.isoformat(), str(line.status), str(line.payment_type),
                last.status if last else "", last.amount if last else None,
            ]  # fmt: skip

    return stream_csv(EXPORT_COLUMNS, cells())


async def list_changes(db: AsyncSession, subscription_id: int) -> list[Change]:
    """What was done with a subscription, the newest first."""
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
    """Rows of `select_lines`, each with its newest renewal."""
    newest = await list_newest_renewals(db, [row[0] for row in rows])
    return [_make_line(row, newest.get(row[0])) for row in rows]


async def get_subscription(db: AsyncConnection, subscription_id: int, *, visible_to: Actor) -> SubscriptionDetail:
    """One subscription in detail; raises NotFound, also for one that is not the rep's to see."""
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    conditions = [Subscription.id == subscription_id, *visible_subscriptions(visible_to)]
    row = (await db.execute(select_lines().where(and_(*conditions)))).first()
    if row is None:
        raise NotFound("There is no such subscription.")
    renewals = await list_renewals(db, subscription_id)
    line = _make_line(row, renewals[0] if renewals else None)
    return SubscriptionDetail(
        line, renewals, await _list_orders(db, line.user_id), await _list_product(db, line.user_id, line.product_id)
    )


async def list_renewals(db: AsyncConnection, subscription_id: int) -> list[RenewalLine]:
    """A subscription's renewals, newest first."""
    rows = await db.execute(
        select(*_RENEWAL)
        .outerjoin(Order, Order.id == Renewal.order_id)
        .where(Renewal.subscription_id == subscription_id)
        .order_by(Renewal.id.desc())
        .limit(MOST_HISTORY)
    )
    return [RenewalLine(*row) for row in rows]


async def get_renewal(db: AsyncConnection, renewal_id: int) -> tuple[RenewalLine, int]:
    """One renewal with the id of its subscription."""
    asked = select(*_RENEWAL, Renewal.subscription_id).outerjoin(Order, Order.id == Renewal.order_id)
    row = (await db.execute(asked.where(Renewal.id == renewal_id))).one()
    return RenewalLine(*row[:-1]), row[-1]


def select_lines() -> Select[Any]:
    """The columns of a line; newest renewals are read apart."""
    return (
        select(*_COLUMNS)
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
    )


def _make_line(row: Row[Any], last_renewal: RenewalLine | None) -> SubscriptionLine:
    values: list[Any] = [*row, last_renewal]
    return SubscriptionLine(*values)


def visible_subscriptions(actor: Actor) -> list[Any]:
    """The conditions, over the joined customer, that leave what the actor may see."""
    return [Customer.sales_rep_id == actor.id] if actor.has_role(Role.SALES_REP) else []


async def list_newest_renewals(db: AsyncConnection, ids: list[int]) -> dict[int, RenewalLine]:
    """The newest renewal of each of these subscriptions."""
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
