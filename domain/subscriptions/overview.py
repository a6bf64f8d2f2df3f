"""What the list of subscriptions begins with: how many there are, which failed, and what the next 30 days bring."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import Subquery, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.orders.rules import OrderRules
from domain.subscriptions.amounts import IS_SOLD, SOLD, next_amount
from domain.subscriptions.list_subscriptions import SubscriptionLine, select_lines, show_lines, visible_subscriptions
from models import Customer, Product, Subscription, SubscriptionStatus

MOST_FAILED = 50
AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class DueDay:
    """What is due on a day at today's prices with delivery, US dollars; short where the stock does not last."""

    day: date
    renewals: int
    amount: Decimal
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """Units of a product that are due within the time, against its stock; None is not counted.

    `short_from` is the day from which the stock does not cover what is due.
    """

    product_id: int
    name: str
    due: int
    stock: int | None
    short_from: date | None

    @property
    def left(self) -> int | None:
        """Units that stay on the shelf, negative for those that are missing."""
        return None if self.stock is None else self.stock - self.due


def lay_out_weeks(days: list[DueDay], today: date) -> list[list[tuple[date, DueDay | None, bool]]]:
    """The next 30 days as weeks from Sunday on: each day, what is due on it, and whether it lies outside of the 30."""
    due = {day.day: day for day in days}
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


async def list_failed(db: AsyncConnection, *, rules: OrderRules, visible_to: Actor) -> list[SubscriptionLine]:
    """Active subscriptions that wait for another try, the next one first."""
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    statement = select_lines(rules).where(
        Subscription.status == SubscriptionStatus.ACTIVE,
        Subscription.retry_on.is_not(None),
        *visible_subscriptions(visible_to),
    )
    rows = (await db.execute(statement.order_by(Subscription.retry_on, Subscription.id).limit(MOST_FAILED))).all()
    return await show_lines(db, rows)


async def list_due_days(db: AsyncConnection, today: date, *, rules: OrderRules, visible_to: Actor) -> list[DueDay]:
    """The days of the next 30 on which something is due, without what has failed; what is late is due today."""
    coming = _coming(today, rules, visible_to)
    day = func.greatest(coming.c.day, today)
    statement = select(
        day, func.count(), func.sum(coming.c.amount), func.coalesce(func.bool_or(coming.c.is_short), False)
    )
    return [DueDay(*row) for row in await db.execute(statement.group_by(day).order_by(day))]


async def list_needs(
    db: AsyncConnection, today: date, *, rules: OrderRules, visible_to: Actor, limit: int = 8
) -> list[Need]:
    """The products that the next 30 days need most of, the shortest first."""
    coming = _coming(today, rules, visible_to)
    due = func.sum(coming.c.quantity)
    short_from = func.min(func.greatest(coming.c.day, today)).filter(coming.c.is_short)
    statement = (
        select(Product.id, Product.name, due, Product.stock_quantity, short_from)
        .join(coming, coming.c.product_id == Product.id)
        .group_by(Product.id)
        .order_by((Product.stock_quantity - due).asc().nulls_last(), Product.id)
        .limit(limit)
    )
    return [Need(row[0], row[1], int(row[2]), row[3], row[4]) for row in await db.execute(statement)]


def _coming(today: date, rules: OrderRules, visible_to: Actor) -> Subquery:
    """The renewals of the next 30 days; `is_short` from the one on that the present stock does not cover."""
    place = (Subscription.next_renewal_date, Subscription.id)
    so_far = func.sum(Subscription.quantity).over(partition_by=SOLD.id, order_by=place)
    return (
        select(
            Subscription.next_renewal_date.label("day"),
            SOLD.id.label("product_id"),
            Subscription.quantity,
            next_amount(rules).label("amount"),
            (so_far > SOLD.stock_quantity).label("is_short"),
        )
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(SOLD, IS_SOLD)
        .where(
            Subscription.status == SubscriptionStatus.ACTIVE,
            Subscription.retry_on.is_(None),
            Subscription.next_renewal_date <= today + AHEAD,
            *visible_subscriptions(visible_to),
        )
        .subquery()
    )
