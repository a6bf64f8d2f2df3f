"""What the list of subscriptions begins with: how many there are, which failed, and what the next 30 days bring."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.subscriptions.list_subscriptions import SubscriptionLine, select_lines, show_lines, visible_subscriptions
from models import Customer, Product, Subscription, SubscriptionStatus

MOST_FAILED = 50
AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class DueDay:
    """What is due on a day at today's prices, before delivery; US dollars."""

    day: date
    renewals: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Need:
    """Units of a product that are due within the time, against its stock; None is not counted."""

    product_id: int
    name: str
    due: int
    stock: int | None


def lay_out_weeks(days: list[DueDay], today: date) -> list[list[tuple[date, DueDay | None, bool]]]:
    """The next 30 days as weeks from Sunday on: each day, what is due on it, and whether it lies outside of the 30.

    What was due before and is not done yet stands on today.
    """
    late = [day for day in days if day.day <= today]
    due = {day.day: day for day in days}
    if late:
        amount = sum((day.amount for day in late), Decimal(0))
        due[today] = DueDay(today, sum(day.renewals for day in late), amount)
    first = today - timedelta(days=(today.weekday() + 1) % 7)
    last = today + AHEAD
    weeks = []
    while first <= last:
        week = [first + timedelta(days=number) for number in range(7)]
        weeks.append([(day, due.get(day) if today <= day <= last else None, not today <= day <= last) for day in week])
        first += timedelta(days=7)
    return weeks


async def count_subscriptions(db: AsyncConnection, *, visible_to: Actor) -> dict[str, int]:
    """How many subscriptions there are of each status."""
    counted = select(Subscription.status, func.count()).join(Customer).where(*visible_subscriptions(visible_to))
    rows = await db.execute(counted.group_by(Subscription.status))
    return dict.fromkeys(map(str, SubscriptionStatus), 0) | {str(status): int(number) for status, number in rows}


async def list_failed(db: AsyncConnection, *, visible_to: Actor) -> list[SubscriptionLine]:
    """Active subscriptions that wait for another try, the next one first."""
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    statement = select_lines().where(
        Subscription.status == SubscriptionStatus.ACTIVE,
        Subscription.retry_on.is_not(None),
        *visible_subscriptions(visible_to),
    )
    rows = (await db.execute(statement.order_by(Subscription.retry_on, Subscription.id).limit(MOST_FAILED))).all()
    return await show_lines(db, rows)


async def list_due_days(db: AsyncConnection, today: date, *, visible_to: Actor) -> list[DueDay]:
    """The days of the next 30 on which something is due, without what has failed."""
    is_bulk = (Subscription.quantity >= Product.bulk_quantity) & (Product.bulk_price <= Product.unit_price)
    price = case((is_bulk, Product.bulk_price), else_=Product.unit_price)
    goods = func.round(price * Subscription.quantity * (100 - Subscription.discount_pct) / 100, 2)
    statement = (
        select(Subscription.next_renewal_date, func.count(), func.sum(goods))
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
        .where(*_coming(today), *visible_subscriptions(visible_to))
        .group_by(Subscription.next_renewal_date)
        .order_by(Subscription.next_renewal_date)
    )
    return [DueDay(*row) for row in await db.execute(statement)]


async def list_needs(db: AsyncConnection, today: date, *, visible_to: Actor, limit: int = 8) -> list[Need]:
    """The products that the next 30 days need most of, the shortest first."""
    due = func.sum(Subscription.quantity)
    statement = (
        select(Product.id, Product.name, due, Product.stock_quantity)
        .join(Subscription, Subscription.product_id == Product.id)
        .join(Customer, Customer.id == Subscription.customer_id)
        .where(*_coming(today), *visible_subscriptions(visible_to))
        .group_by(Product.id)
        .order_by((Product.stock_quantity - due).asc().nulls_last(), Product.id)
        .limit(limit)
    )
    return [Need(row[0], row[1], int(row[2]), row[3]) for row in await db.execute(statement)]


def _coming(today: date) -> list[Any]:
    return [
        Subscription.status == SubscriptionStatus.ACTIVE,
        Subscription.retry_on.is_(None),
        Subscription.next_renewal_date <= today + AHEAD,
    ]
