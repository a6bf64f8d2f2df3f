"""One customer with everything staff want at a glance: terms, rhythm, money, usual items; a fixed number of reads."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.own_orders import may_be_seen_by
from domain.credit.exposure import CreditStanding, calculate_exposure, find_customer
from domain.credit.ledger import get_credit_balance
from domain.credit.owed import CreditSplit, split_exposure
from domain.customers.rows import CustomerRow, get_customer
from domain.customers.totals import NOTHING, ORDERS, Bought, find_days_to_pay, sum_orders_of
from domain.kernel.actor import Actor
from domain.kernel.clock import business_date, business_today
from domain.kernel.money import ZERO, round_half_up
from domain.messages.suppression import NUMBERS
from domain.orders.guide import GuideItem, list_guide
from domain.orders.totals import price_line
from models import AuditEntry, CustomerMerge, OrderStatus
from models.session import raw_connection

MOST_USUAL = 8
MOST_HELD = 3
MOST_DAYS = 60
MOST_SHOWN_DAYS = 10
_WINDOW = (0.8, 1.3)
_LAST_ORDER = (
    select(ORDERS.order_number)
    .where(ORDERS.status != OrderStatus.CANCELLED)
    .order_by(ORDERS.created_at.desc(), ORDERS.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a customer orders: the usual gap in days between order days, and when the next order is expected."""

    gap_days: int
    days_since: int
    expected_from: date
    expected_to: date

    @property
    def days_late(self) -> int:
        """Days past the usual gap; 0 before its end."""
        return max(self.days_since - self.gap_days, 0)

    @property
    def days_left(self) -> int:
        """Days until the end of the usual gap; 0 after it."""
        return max(self.gap_days - self.days_since, 0)


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order on terms that is on hold because terms do not cover it. Amounts are in US dollars."""

    order_number: str
    balance: Decimal
    is_over_by: Decimal


@dataclass(frozen=True, slots=True)
class Hub:
    """The data of a customer's page."""

    row: CustomerRow
    standing: CreditStanding
    split: CreditSplit
    credit: Decimal
    bought: Bought
    first_order_at: datetime | None
    pays_after_days: int | None
    rhythm: Rhythm | None
    order_days: list[tuple[date, Decimal]]
    usual: list[GuideItem]
    last_order_number: str | None
    merges: list[CustomerMerge]
    held: list[HeldOrder]
    days_overdue: int
    not_called_since: datetime | None

    @property
    def over_by(self) -> Decimal:
        """The amount over the credit limit, in US dollars; 0 within it."""
        return max(self.standing.exposure - self.standing.credit_limit, ZERO)

    @property
    def usual_total(self) -> Decimal:
        """The current price of all usual items in their usual quantities, in US dollars."""
        lines = [
            price_line(
                item.quantity,
                unit_price=item.unit_price,
                bulk_price=item.bulk_price,
                bulk_quantity=item.bulk_quantity,
            )
            for item in self.usual
        ]
        return sum((line.line_total for line in lines), ZERO)

    @property
    def average(self) -> Decimal:
        """The mean order total, in US dollars."""
        return round_half_up(self.bought.total_spent / self.bought.order_count) if self.bought.order_count else ZERO


async def get_hub(db: AsyncSession, customer_id: int, *, visible_to: Actor, timezone: tzinfo) -> Hub:
    """Return the data of the page's head and sidebar; tabs read their own. Raises NotFound.

    Figures cover all orders, while single orders are named only if the actor may see them.
    """
    row = await get_customer(db, customer_id)
    connection = await raw_connection(db)
    record = await find_customer(connection, customer_id)
    assert record is not None  # it was just read
    standing = await calculate_exposure(connection, record)
    days = await _list_order_days(db, customer_id, timezone)
    guide = await list_guide(db, customer_id, timezone=timezone)
    merges = select(CustomerMerge).where(CustomerMerge.kept_id == customer_id, CustomerMerge.undone_at.is_(None))
    split = await split_exposure(connection, customer_id)
    own = may_be_seen_by(visible_to)
    theirs = ORDERS.customer_id == customer_id if own is None else and_(ORDERS.customer_id == customer_id, own)
    today = business_today(timezone)
    first = await db.scalar(select(func.min(ORDERS.created_at)).where(ORDERS.customer_id == customer_id))
    return Hub(
        row=row,
        standing=standing,
        split=split,
        credit=await get_credit_balance(db, customer_id),
        bought=(await sum_orders_of(db, [customer_id])).get(customer_id, NOTHING),
        first_order_at=first,
        pays_after_days=await find_days_to_pay(db, customer_id),
        rhythm=find_rhythm([day for day, _ in days], today=today),
        order_days=days[-MOST_SHOWN_DAYS:],
        usual=[item for item in guide if item.times_ordered > 1][:MOST_USUAL],
        last_order_number=await db.scalar(_LAST_ORDER.where(theirs)),
        merges=list((await db.scalars(merges.order_by(CustomerMerge.id.desc()).limit(3))).all()),
        held=await _list_held(db, theirs, standing),
        days_overdue=(today - business_date(split.overdue_at, timezone)).days if split.overdue_at else 0,
        not_called_since=await _find_mark(db, row) if row.do_not_call else None,
    )


async def _list_held(db: AsyncSession, theirs: ColumnElement[bool], standing: CreditStanding) -> list[HeldOrder]:
    """Return the first few orders on hold, with the amount by which each exceeds the available credit."""
    waiting = select(ORDERS.order_number, ORDERS.balance).where(
        theirs, ORDERS.on_hold, ORDERS.on_terms, ORDERS.balance > 0
    )
    rows = await db.execute(waiting.order_by(ORDERS.created_at, ORDERS.id).limit(MOST_HELD))
    return [HeldOrder(row[0], row[1], max(row[1] - standing.available_credit, ZERO)) for row in rows]


async def _find_mark(db: AsyncSession, row: CustomerRow) -> datetime | None:
    """Return since when one of the customer's numbers must not be called; None if there is no mark."""
    marks = select(func.min(NUMBERS.do_not_call_at)).where(
        NUMBERS.phone.in_([phone for phone in (row.phone, row.phone2) if phone]), NUMBERS.do_not_call
    )
    since: datetime | None = await db.scalar(marks)
    return since


def find_rhythm(days: list[date], *, today: date) -> Rhythm | None:
    """Return the rhythm of distinct order days in ascending order; None for fewer than three."""
    if len(days) < 3:
        return None
    gap = max(round(median((after - before).days for before, after in pairwise(days))), 1)
    window = [days[-1] + timedelta(days=round(gap * share)) for share in _WINDOW]
    return Rhythm(gap, (today - days[-1]).days, *window)


async def _list_order_days(db: AsyncSession, customer_id: int, timezone: tzinfo) -> list[tuple[date, Decimal]]:
    """Return the last order days with the amount of each, oldest first."""
    newest = (
        select(ORDERS.created_at, ORDERS.total_amount)
        .where(ORDERS.customer_id == customer_id, ORDERS.status != OrderStatus.CANCELLED)
        .order_by(ORDERS.created_at.desc(), ORDERS.id.desc())
        .limit(MOST_DAYS)
    )
    days: dict[date, Decimal] = {}
    for at, amount in await db.execute(newest):
        day = business_date(at, timezone)
        days[day] = days.get(day, ZERO) + amount
    return sorted(days.items())


async def list_customer_trail(db: AsyncSession, customer_id: int, *, most: int = 100) -> list[AuditEntry]:
    """Return the changes of a customer, including those of customers merged into them, newest first."""
    merged = select(CustomerMerge.merged_id).where(CustomerMerge.kept_id == customer_id)
    ids: list[Any] = [customer_id, *(await db.scalars(merged)).all()]
    statement = (
        select(AuditEntry)
        .where(AuditEntry.record_kind == "customer", AuditEntry.record_id.in_(ids))
        .order_by(AuditEntry.id.desc())
    )
    return list((await db.scalars(statement.limit(most))).all())
