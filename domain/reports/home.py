"""The home page of staff: what waits for somebody, and a few figures of a period compared with the previous one.

Every figure equals the sum of the rows that the list of orders shows with the same filters.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    DateTime,
    and_,
    bindparam,
    cast,
    func,
    literal,
    select,
    true,
    union_all,
)

from domain.access.own_orders import owner_of_seen
from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.kernel.clock import add_months, business_today, days_in_month, first_of_month, now
from domain.kernel.inputs import Input
from domain.kernel.money import ZERO, round_half_up
from domain.orders.days import days_seen_by, select_days
from domain.orders.filters import ORDERS
from domain.orders.queries import Reader, sees_money
from models import MessageState, OrderStatus, OutboxMessage, PaymentStatus, Role, columns_of

MESSAGES = columns_of(OutboxMessage)
WAITS_LONG = timedelta(hours=1)


class HomeRange(StrEnum):
    """The periods that the home page can show."""

    WEEK = "7d"
    MONTH_BACK = "30d"
    MONTH = "month"
    ALL = "all"


class HomeQuery(Input):
    """The requested period."""

    range: HomeRange = HomeRange.MONTH_BACK


class Waiting(StrEnum):
    """The kinds of orders that wait for somebody, most urgent first."""

    ON_HOLD = "on_hold"
    FAILED = "failed"
    MARKED = "marked"
    PENDING = "pending"
    CHECKS = "checks"
    CONFIRMED = "confirmed"
    PACKED = "packed"
    SHIPPED = "shipped"


# The kinds for the office; an order may be of several kinds. Packers have their own.
DESK_KINDS = (Waiting.ON_HOLD, Waiting.FAILED, Waiting.MARKED, Waiting.PENDING, Waiting.CHECKS)
FLOOR_KINDS = (Waiting.CONFIRMED, Waiting.PACKED)


@dataclass(frozen=True, slots=True)
class WaitingOrders:
    """The orders of one kind: their number, the sum of their balances, and the oldest one."""

    count: int = 0
    balance: Decimal = ZERO
    oldest_at: datetime | None = None
    oldest_name: str = ""
    oldest_reason: str = ""
    oldest_number: str = ""
    waiting_long: int = 0


@dataclass(frozen=True, slots=True)
class Sales:
    """Orders placed in a period, without cancelled ones."""

    orders: int = 0
    revenue: Decimal = ZERO

    @property
    def average(self) -> Decimal:
        """The mean order total; zero without orders."""
        return round_half_up(self.revenue / self.orders) if self.orders else ZERO


@dataclass(frozen=True, slots=True)
class SalesDay:
    """One column of the chart: a day, or a month of the whole history. `before` is the one it is compared with."""

    first: date
    last: date
    sales: Sales
    before: Sales | None


@dataclass(frozen=True, slots=True)
class Period:
    """A period of business days and the previous one. `first` is None for the whole history."""

    first: date | None
    last: date
    before_first: date | None
    before_last: date | None


@dataclass(frozen=True, slots=True)
class Home:
    """The data of the home page. `waiting_orders` counts each order once.

    Amounts are missing for readers who may not see money; for those who may, `waiting` has no packed and shipped
    orders.
    """

    period: Period
    waiting: dict[Waiting, WaitingOrders]
    waiting_orders: int
    failed_mails: int | None
    sales: Sales | None
    before: Sales | None
    days: list[SalesDay]


_IS_WAITING: dict[Waiting, ColumnElement[bool]] = {
    Waiting.ON_HOLD: ORDERS.on_hold,
    Waiting.FAILED: ORDERS.payment_status == PaymentStatus.FAILED,
    Waiting.MARKED: ORDERS.attention != "",
    Waiting.PENDING: and_(ORDERS.status == OrderStatus.PENDING, ~ORDERS.on_hold),
    Waiting.CHECKS: ORDERS.payment_status == PaymentStatus.PENDING_REVIEW,
    Waiting.CONFIRMED: ORDERS.status == OrderStatus.CONFIRMED,
    Waiting.PACKED: ORDERS.status == OrderStatus.PACKED,
    Waiting.SHIPPED: ORDERS.status == OrderStatus.SHIPPED,
}


async def get_home(db: Reader, query: HomeQuery, *, visible_to: Actor, timezone: tzinfo) -> Home:
    """Return the home page as this colleague may see it, in at most three statements."""
    period = choose_period(query.range, business_today(timezone))
    waiting, orders = await _count_waiting(db, visible_to)
    failed = await _count_failed_mails(db) if may(visible_to, Right.SEE_OUTBOX) else None
    if not sees_money(visible_to):
        return Home(period, waiting, orders, failed, None, None, [])
    days = await _list_days(db, period, visible_to, timezone)
    has_before = period.before_first is not None
    return Home(
        period=period,
        waiting=waiting,
        waiting_orders=orders,
        failed_mails=failed,
        sales=_add(day.sales for day in days),
        before=_add(day.before for day in days if day.before is not None) if has_before else None,
        days=days,
    )


def choose_period(wanted: HomeRange, today: date) -> Period:
    """Return the days of a range up to today, and as many before; a month is compared with the last one's same days."""
    if wanted is HomeRange.ALL:
        return Period(None, today, None, None)
    if wanted is HomeRange.MONTH:
        first = first_of_month(today)
        before = add_months(first, -1)
        length = min(today.day, days_in_month(before.year, before.month))
        return Period(first, today, before, before + timedelta(days=length - 1))
    days = 7 if wanted is HomeRange.WEEK else 30
    first = today - timedelta(days=days - 1)
    return Period(first, today, first - timedelta(days=days), first - timedelta(days=1))


async def _count_waiting(db: Reader, reader: Actor) -> tuple[dict[Waiting, WaitingOrders], int]:
    """Return the kinds that this colleague is shown, each found with a small partial index, and how many orders wait
    for this colleague, each counted once."""
    hides_money = not sees_money(reader)
    own_kinds = FLOOR_KINDS if reader.has_role(Role.WAREHOUSE) else DESK_KINDS
    statement = _write_waiting(owner_of_seen(reader), hides_money, own_kinds)
    found: dict[Waiting, WaitingOrders] = {}
    orders = 0
    for row in await db.execute(statement, {"owner": reader.id, "long_ago": now() - WAITS_LONG}):
        kind, count, balance, oldest_at, oldest_name, oldest_reason, oldest_number, long, first_of_kind = row
        orders += first_of_kind
        found[Waiting(kind)] = WaitingOrders(
            count=count,
            balance=ZERO if hides_money else balance,
            oldest_at=oldest_at,
            oldest_name=oldest_name or "",
            oldest_reason="" if hides_money else oldest_reason or "",
            oldest_number=oldest_number or "",
            waiting_long=long,
        )
    return found, orders


@cache
def _write_waiting(owner: str | None, hides_money: bool, own_kinds: tuple[Waiting, ...]) -> CompoundSelect[Any]:
    """The statement for all readers of one kind. `owner` is the column of an order that must contain the reader's id,
    if any.

    Readers who may see money get no counts of packed and shipped orders. The last column counts the orders of
    `own_kinds` that are of none of the earlier kinds.
    """
    name = func.coalesce(func.nullif(ORDERS.delivery_company, ""), ORDERS.delivery_name)
    reason = func.coalesce(func.nullif(ORDERS.hold_reason, ""), ORDERS.attention)
    long_ago = bindparam("long_ago", type_=DateTime(timezone=True))
    parts = []
    for kind in Waiting:
        if kind in {Waiting.PACKED, Waiting.SHIPPED} and not hides_money:
            continue
        earlier = own_kinds[: own_kinds.index(kind)] if kind in own_kinds else own_kinds
        is_first = and_(literal(kind in own_kinds), *(~_IS_WAITING[other] for other in earlier))
        sums = (
            select(
                func.count().label("orders"),
                func.coalesce(func.sum(ORDERS.balance), 0).label("balance"),
                func.count().filter(ORDERS.created_at < long_ago).label("long"),
                func.count().filter(is_first).label("first_of_kind"),
            )
            .where(*_waits(kind, owner))
            .subquery()
        )
        # Read by the index of the kind, instead of sorting all of them by time.
        oldest = (
            select(ORDERS.created_at, name.label("name"), reason.label("reason"), ORDERS.order_number)
            .where(*_waits(kind, owner))
            .order_by(ORDERS.created_at, ORDERS.id)
            .limit(1)
            .subquery()
        )
        parts.append(
            select(
                literal(kind.value), sums.c.orders, sums.c.balance, *oldest.c, sums.c.long, sums.c.first_of_kind
            ).select_from(sums.outerjoin(oldest, true()))
        )
    return union_all(*parts)


def _waits(kind: Waiting, owner: str | None) -> list[ColumnElement[bool]]:
    mine = [] if owner is None else [ORDERS[owner] == bindparam("owner")]
    return [_IS_WAITING[kind], *mine]


async def _count_failed_mails(db: Reader) -> int:
    """Return the number of messages that failed."""
    failed = select(func.count()).where(MESSAGES.state == MessageState.FAILED)
    return (await db.execute(failed)).scalar_one()


async def _list_days(db: Reader, period: Period, reader: Actor, timezone: tzinfo) -> list[SalesDay]:
    """Return the sales of each day of the period with those of the compared day; months for the whole history."""
    unit = "day" if period.first is not None else "month"
    kept = select_days(timezone)
    conditions = [kept.c.status != OrderStatus.CANCELLED, *days_seen_by(kept, reader)]
    if period.first is not None:
        conditions += [kept.c.day >= (period.before_first or period.first), kept.c.day <= period.last]
    first = func.date_trunc(unit, cast(kept.c.day, DateTime)).label("first")
    statement = (
        select(first, func.sum(kept.c.orders), func.sum(kept.c.amount))
        .where(*conditions)
        .group_by(first)
        .having(func.sum(kept.c.orders) != 0)
    )
    by_day = {row[0].date(): Sales(int(row[1]), row[2]) for row in await db.execute(statement)}
    if period.first is None:
        return _list_months(by_day, period.last)
    assert period.before_first is not None  # every period with a beginning has a previous one
    assert period.before_last is not None
    days = []
    for number in range((period.last - period.first).days + 1):
        day, earlier = period.first + timedelta(days=number), period.before_first + timedelta(days=number)
        before = by_day.get(earlier, Sales()) if earlier <= period.before_last else None
        days.append(SalesDay(day, day, by_day.get(day, Sales()), before))
    return days


def _list_months(by_month: dict[date, Sales], last: date) -> list[SalesDay]:
    """Return all months from the first order on, including those without orders."""
    if not by_month:
        return []
    month, months = min(by_month), []
    # Otherwise an order dated in the future would be missing from the sum.
    while month <= max(last, *by_month):
        end = add_months(month, 1) - timedelta(days=1)
        months.append(SalesDay(month, end, by_month.get(month, Sales()), None))
        month = add_months(month, 1)
    return months


def _add(found: Iterable[Sales]) -> Sales:
    sales = list(found)
    return Sales(sum(one.orders for one in sales), sum((one.revenue for one in sales), ZERO))
