"""The overview above the list of subscriptions: their counts, failed ones, and what is due in the next 30 days."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import CTE, BigInteger, Select, Text, case, cast, func, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from domain.orders.rules import OrderRules
from domain.subscriptions.list_subscriptions import SubscriptionLine, select_lines, show_lines, visible_subscriptions
from domain.subscriptions.renewal_days import group_renewals, select_renewals
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
    counted = select(Subscription.status, func.count())
    if own:
        counted = counted.join(Customer, Customer.id == Subscription.customer_id).where(*own)
    rows = await db.execute(counted.group_by(Subscription.status))
    return dict.fromkeys(map(str, SubscriptionStatus), 0) | {str(status): int(number) for status, number in rows}


async def list_failed(db: AsyncConnection, *, rules: OrderRules, visible_to: Actor) -> list[SubscriptionLine]:
    """Return active subscriptions that wait for another attempt, the next one first."""
    require(visible_to, Right.SEE_SUBSCRIPTIONS, "Your role does not see subscriptions.")
    statement = select_lines(rules).where(
        Subscription.status == SubscriptionStatus.ACTIVE,
        Subscription.retry_on.is_not(None),
        *visible_subscriptions(visible_to),
    )
    rows = (await db.execute(statement.order_by(Subscription.retry_on, Subscription.id).limit(MOST_FAILED))).all()
    return await show_lines(db, rows)


async def list_coming(
    db: AsyncConnection, today: date, *, rules: OrderRules, visible_to: Actor, most: int = 8
) -> tuple[list[DueDay], list[Need]]:
    """Return what is due on each of the next 30 days, without failed renewals, and the products needed most.

    What is overdue is due today; the shortest product comes first. It is one statement, which looks for the day from
    which a product is short only if all its renewals together exceed its stock.
    """
    coming = _coming(today, rules, visible_to).cte("coming")
    due = select(coming.c.product_id, func.sum(coming.c.quantity).label("due")).group_by(coming.c.product_id).subquery()
    totals = (
        select(due, Product.name, Product.stock_quantity.label("stock"))
        .join(Product, Product.id == due.c.product_id)
        .cte("totals")
    )
    short = _find_short(coming, totals)
    day = func.greatest(coming.c.day, today)
    days = (
        select(
            literal(0).label("part"),
            day.label("day"),
            func.sum(coming.c.renewals).label("renewals"),
            func.sum(coming.c.amount).label("amount"),
            func.coalesce(func.bool_or(coming.c.day >= short.c.first_day), False).label("is_short"),
            cast(null(), BigInteger).label("product_id"),
            cast(null(), Text).label("name"),
            cast(null(), BigInteger).label("due"),
            cast(null(), BigInteger).label("stock"),
        )
        .select_from(coming.outerjoin(short, short.c.product_id == coming.c.product_id))
        .group_by(day)
    )
    needs = (
        select(
            literal(1),
            # Without a day, the maximum would be today.
            case((short.c.first_day.is_not(None), func.greatest(short.c.first_day, today))),
            literal(0),
            literal(ZERO),
            short.c.first_day.is_not(None),
            totals.c.product_id,
            totals.c.name,
            totals.c.due,
            totals.c.stock,
        )
        .select_from(totals.outerjoin(short, short.c.product_id == totals.c.product_id))
        .order_by((totals.c.stock - totals.c.due).asc().nulls_last(), totals.c.product_id)
        .limit(most)
    )
    both = union_all(days, needs.subquery().select()).subquery()
    order = (both.c.part, both.c.stock.is_(None), both.c.stock - both.c.due, both.c.product_id, both.c.day)
    found_days, found_needs = [], []
    for row in await db.execute(select(both).order_by(*order)):
        if row.part == 0:
            found_days.append(DueDay(row.day, int(row.renewals), row.amount, row.is_short))
        else:
            found_needs.append(Need(row.product_id, row.name, int(row.due), row.stock, row.day))
    return found_days, found_needs


def _coming(today: date, rules: OrderRules, visible_to: Actor) -> Select[*tuple[Any, ...]]:
    """Select the renewals of the next 30 days by product and day; counted for a rep, precalculated otherwise."""
    if own := visible_subscriptions(visible_to):
        theirs = group_renewals(rules).join(Customer, Customer.id == Subscription.customer_id)
        return theirs.where(Subscription.next_renewal_date <= today + AHEAD, *own)
    renewals = select_renewals(rules)
    return select(renewals).where(renewals.c.day <= today + AHEAD)


def _find_short(coming: CTE, totals: CTE) -> CTE:
    """Select the products that the current stock does not cover, with the first day for which it is not enough."""
    so_far = func.sum(coming.c.quantity).over(partition_by=coming.c.product_id, order_by=coming.c.day)
    run = (
        select(coming.c.product_id, coming.c.day, so_far.label("so_far"), totals.c.stock)
        .join(totals, totals.c.product_id == coming.c.product_id)
        .where(totals.c.due > totals.c.stock)
        .subquery()
    )
    return (
        select(run.c.product_id, func.min(run.c.day).label("first_day"))
        .where(run.c.so_far > run.c.stock)
        .group_by(run.c.product_id)
        .cte("short")
    )
