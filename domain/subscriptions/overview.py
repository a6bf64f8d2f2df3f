"""The overview above the list of subscriptions: their counts, failed ones, and what is due in the next 30 days."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import CTE, BigInteger, Select, Text, and_, case, cast, func, literal, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, may, require
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from domain.orders.rules import OrderRules
from domain.subscriptions.list_subscriptions import (
    IS_RETRIED,
    SubscriptionLine,
    select_lines,
    show_lines,
    visible_subscriptions,
)
from domain.subscriptions.renewal_days import group_renewals, select_renewals
from domain.subscriptions.status_counts import count_by_status
from models import Customer, Product, Subscription, SubscriptionStatus

MOST_FAILED = 50
AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class DueDay:
    """What is due on a day at today's prices with delivery, in US dollars; `is_short` if the stock is not enough."""

    day: date
    renewals: int
    amount: Decimal
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class FailedRenewals:
    """How many subscriptions wait for another attempt, and the one that is tried next."""

    count: int
    next_id: int
    customer_name: str
    product_name: str
    interval_days: int


@dataclass(frozen=True, slots=True)
class Need:
    """Units of a product that are due within the period, and its stock; None means untracked.

    `short_from` is the day from which the stock does not cover what is due.
    """

    product_id: int
    name: str
    due: int
    stock: int | None
    short_from: date | None

    @property
    def left(self) -> int | None:
        """The units left in stock afterwards, negative if some are missing."""
        return None if self.stock is None else self.stock - self.due


def lay_out_weeks(days: list[DueDay], today: date) -> list[list[tuple[date, DueDay | None, bool]]]:
    """Return the next 30 days as weeks from Sunday on: each day, what is due, and whether it is outside the 30 days."""
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
    """Return the number of subscriptions of each status."""
    own = visible_subscriptions(visible_to)
    if not own:
        return await count_by_status(db)
    counted = select(Subscription.status, func.count()).join(Customer, Customer.id == Subscription.customer_id)
    rows = await db.execute(counted.where(*own).group_by(Subscription.status))
    return dict.fromkeys(map(str, SubscriptionStatus), 0) | {str(status): int(number) for status, number in rows}


async def list_failed(db: AsyncConnection, *, rules: OrderRules, visible_to: Actor) -> list[SubscriptionLine]:
    """Return active subscriptions that wait for another attempt, the next one first."""
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    statement = select_lines(rules).where(IS_RETRIED, *visible_subscriptions(visible_to))
    rows = (await db.execute(statement.order_by(Subscription.retry_on, Subscription.id).limit(MOST_FAILED))).all()
    return await show_lines(db, rows)


async def find_failed(db: AsyncConnection, *, visible_to: Actor) -> FailedRenewals | None:
    """Return the failed renewals for readers who may act on them, in one statement; None if there are none."""
    if not may(visible_to, Right.EDIT_SUBSCRIPTIONS):
        return None
    count = select(func.count()).where(IS_RETRIED).scalar_subquery()
    person = func.trim(Customer.first_name + " " + Customer.last_name)
    name = func.coalesce(func.nullif(Customer.company_name, ""), person)
    statement = (
        select(count, Subscription.id, name, Product.name, Subscription.interval_days)
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
        .where(IS_RETRIED)
    )
    row = (await db.execute(statement.order_by(Subscription.retry_on, Subscription.id).limit(1))).one_or_none()
    return FailedRenewals(*row) if row else None


async def list_coming(
    db: AsyncConnection, today: date, *, rules: OrderRules, visible_to: Actor, most: int = 8
) -> tuple[list[DueDay], list[Need]]:
    """Return what is due on each of the next 30 days, without failed renewals, and the products needed most.

    What is overdue is due today; the shortest product comes first. It is one statement: the stock is compared with each
    product's sum at the end of the 30 days, and only if it is not enough with its days.
    """
    coming, totals = _coming(rules, visible_to)
    last = _select_last(coming, today + AHEAD)
    days, needs = _select_days(coming, totals, last, today), _select_needs(coming, last, today, most)
    both = union_all(days, needs).subquery()
    order = (both.c.part, both.c.stock.is_(None), both.c.stock - both.c.due, both.c.product_id, both.c.day)
    found_days, found_needs = [], []
    for row in await db.execute(select(both).order_by(*order)):
        if row.part == 0:
            found_days.append(DueDay(row.day, int(row.renewals), row.amount, row.is_short))
        else:
            found_needs.append(Need(row.product_id, row.name, int(row.due), row.stock, row.day))
    return found_days, found_needs


def _select_last(coming: CTE, horizon: date) -> CTE:
    """Select what is due of each product within the period, and what is left of its stock afterwards."""
    return (
        select(
            coming.c.product_id,
            coming.c.so_far.label("due"),
            Product.name,
            Product.stock_quantity.label("stock"),
            (Product.stock_quantity - coming.c.so_far).label("left"),
        )
        .join(Product, Product.id == coming.c.product_id)
        .where(coming.c.day <= horizon, or_(coming.c.next_day.is_(None), coming.c.next_day > horizon))
        .cte("last")
    )


def _select_days(coming: CTE, totals: CTE, last: CTE, today: date) -> Select[*tuple[Any, ...]]:
    """Select the sums of each day, and whether a product's stock does not cover a renewal of that day."""
    horizon = today + AHEAD
    short_days = (
        select(func.greatest(coming.c.day, today).label("day"))
        .join(last, and_(last.c.left < 0, last.c.product_id == coming.c.product_id))
        .where(coming.c.day <= horizon, coming.c.so_far > last.c.stock)
        .distinct()
        .cte("short_days")
    )
    day = func.greatest(totals.c.day, today).label("day")
    sums = (
        select(day, func.sum(totals.c.renewals).label("renewals"), func.sum(totals.c.amount).label("amount"))
        .where(totals.c.day <= horizon)
        .group_by(day)
        .having(func.sum(totals.c.renewals) != 0)
        .subquery()
    )
    return select(
        literal(0).label("part"),
        sums.c.day,
        sums.c.renewals,
        sums.c.amount,
        short_days.c.day.is_not(None).label("is_short"),
        cast(null(), BigInteger).label("product_id"),
        cast(null(), Text).label("name"),
        cast(null(), BigInteger).label("due"),
        cast(null(), BigInteger).label("stock"),
    ).select_from(sums.outerjoin(short_days, short_days.c.day == sums.c.day))


def _select_needs(coming: CTE, last: CTE, today: date, most: int) -> Select[*tuple[Any, ...]]:
    """Select the products needed most, with the columns of `_select_days`."""
    shown = select(last).order_by(last.c.left.asc().nulls_last(), last.c.product_id).limit(most).cte("shown")
    first_day = (
        select(func.min(coming.c.day))
        .where(
            coming.c.product_id == shown.c.product_id, coming.c.day <= today + AHEAD, coming.c.so_far > shown.c.stock
        )
        .scalar_subquery()
    )
    return select(
        literal(1),
        # Without a day, the maximum would be today.
        case((shown.c.left < 0, func.greatest(first_day, today))),
        literal(0),
        literal(ZERO),
        shown.c.left < 0,
        shown.c.product_id,
        shown.c.name,
        shown.c.due,
        shown.c.stock,
    )


def _coming(rules: OrderRules, visible_to: Actor) -> tuple[CTE, CTE]:
    """Return the coming renewals by product and day, and by day; counted for a rep, precalculated otherwise."""
    if own := visible_subscriptions(visible_to):
        theirs = group_renewals(rules).join(Customer, Customer.id == Subscription.customer_id).where(*own).cte("coming")
        return theirs, theirs
    return select_renewals(rules)
