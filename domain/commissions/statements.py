"""Statements of commissions: what a rep earned in a month, and what was taken back after the month was locked."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import business_today, first_of_month
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, NotFound, Refused
from domain.kernel.inputs import DateIn, Id, Input
from domain.kernel.live import Topic, announce
from domain.kernel.money import ZERO
from domain.kernel.spreadsheets import Cell, stream_csv
from domain.orders.business import current_business
from domain.orders.commission import MONTH_LOCK
from models import AuditAction, CommissionRate, Role, Staff

COLUMNS = ("due_on", "order_number", "customer", "base", "percent", "kind", "paid", "commission")
_ENTRIES = text("""
SELECT e.id, e.order_number, e.kind, e.amount, e.note, e.created_at,
  e.customer, e.base, e.percent, e.paid_at, e.paid_by
FROM commission_entry AS e WHERE e.staff_id = :rep_id AND e.month = :month ORDER BY e.created_at, e.id
""")
# What was taken back in later months for orders whose commission became due in this one.
_SINCE = text("""
SELECT e.order_number, e.amount FROM commission_entry AS e
WHERE e.staff_id = :rep_id AND e.month > :month AND e.kind = 'taken_back' AND EXISTS (
  SELECT FROM commission_entry AS f WHERE f.order_id = e.order_id AND f.month = :month AND f.kind = 'earned'
)
ORDER BY e.created_at, e.id LIMIT 50
""")
# The stored sums and the changes since: a month of a rep is a few rows here, but many orders.
_MONTHS = text("""
WITH sums AS (
  SELECT c.month, c.staff_id, sum(c.earned) AS earned, sum(c.taken_back) AS back, sum(c.paid) AS paid,
    sum(c.earned + c.taken_back) AS total, sum(c.entries)::bigint AS entries
  FROM commission_sum AS c WHERE CAST(:rep_id AS bigint) IS NULL OR c.staff_id = :rep_id
  GROUP BY c.month, c.staff_id HAVING sum(c.entries) > 0 ORDER BY c.month DESC, c.staff_id LIMIT 200
)
SELECT e.month, e.staff_id, coalesce(nullif(s.full_name, ''), s.username) AS name, e.earned, e.back, e.paid, e.total,
  e.entries, m.locked_at
FROM sums AS e JOIN staff AS s ON s.id = e.staff_id LEFT JOIN commission_month AS m ON m.month = e.month
ORDER BY e.month DESC, name, e.staff_id
""")
# The months before and after this one in which the rep has entries.
_AROUND = text("""
SELECT (SELECT max(month) FROM commission_entry WHERE staff_id = :rep_id AND month < :month),
  (SELECT min(month) FROM commission_entry WHERE staff_id = :rep_id AND month > :month)
""")
_LOCK = text("""
INSERT INTO commission_month (month, actor_kind, actor_id, actor_name) VALUES (:month, :kind, :id, :name)
ON CONFLICT (month) DO NOTHING RETURNING month
""")


class SetRate(Input):
    """The commission rate of a rep from a day on."""

    percent: Annotated[Decimal, Field(ge=0, le=50, decimal_places=2)]
    """Percent of the subtotal less the discount, 0–50."""
    starts_on: DateIn
    """The first business day on which the rate applies."""


class LockMonth(Input):
    """The month to make final."""

    month: DateIn
    """Any day of the month."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a statement; amounts in US dollars."""

    id: int
    order_number: str
    kind: str
    amount: Decimal
    note: str
    created_at: datetime
    customer: str
    base: Decimal | None
    percent: Decimal | None
    paid_at: datetime | None
    paid_by: str

    @property
    def is_paid(self) -> bool:
        """True once this amount has been paid to the rep, or returned by them."""
        return self.paid_at is not None

    @property
    def is_advance(self) -> bool:
        """True for a commission that was paid to the rep before the customer had paid."""
        return self.kind == "earned" and self.note in {"unpaid", "pending_review", "failed"}


@dataclass(frozen=True, slots=True)
class PaidTogether:
    """Commissions that were marked as paid in one step; amounts in US dollars."""

    paid_at: datetime
    paid_by: str
    entries: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One month of a rep, for the list."""

    month: date
    staff_id: int
    name: str
    earned: Decimal
    back: Decimal
    paid: Decimal
    total: Decimal
    entries: int
    locked_at: datetime | None

    @property
    def to_pay(self) -> Decimal:
        """The amount still to be paid."""
        return self.total - self.paid


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of a rep for a month, with every entry; it no longer changes once the month is locked."""

    rep_id: int
    rep_name: str
    month: date
    lines: Sequence[Line]
    since: Sequence[tuple[str, Decimal]]
    rates: Sequence[tuple[date, Decimal]]
    locked_at: datetime | None
    locked_by: str
    earlier: date | None
    later: date | None

    @property
    def earned(self) -> Decimal:
        """The commissions that became due."""
        return sum((line.amount for line in self.lines if line.kind == "earned"), ZERO)

    @property
    def taken_back(self) -> Decimal:
        """What refunds and cancellations took back; zero or negative."""
        return sum((line.amount for line in self.lines if line.kind == "taken_back"), ZERO)

    @property
    def total(self) -> Decimal:
        """The sum of `earned` and `taken_back`."""
        return self.earned + self.taken_back

    @property
    def paid(self) -> Decimal:
        """The part that is marked as paid."""
        return sum((line.amount for line in self.lines if line.is_paid), ZERO)

    @property
    def to_pay(self) -> Decimal:
        """The part that is still to be paid."""
        return self.total - self.paid

    @property
    def base(self) -> Decimal:
        """The amount on which the commissions are calculated."""
        return sum((line.base for line in self.lines if line.base is not None), ZERO)

    @property
    def payments(self) -> list[PaidTogether]:
        """What was marked as paid, grouped by step, newest first."""
        acts: dict[tuple[datetime, str], list[Decimal]] = {}
        for line in self.lines:
            if line.paid_at is not None:
                acts.setdefault((line.paid_at, line.paid_by), []).append(line.amount)
        return [
            PaidTogether(*act, len(amounts), sum(amounts, ZERO)) for act, amounts in sorted(acts.items(), reverse=True)
        ]

    @property
    def unpaid_numbers(self) -> list[str]:
        """The numbers of the orders whose commission is still to be paid."""
        return sorted({line.order_number for line in self.lines if not line.is_paid})

    @property
    def since_total(self) -> Decimal:
        """What was taken back after the month."""
        return sum((amount for _, amount in self.since), ZERO)


async def list_months(db: AsyncSession, *, visible_to: Actor) -> list[MonthRow]:
    """List the months of all reps, or only a rep's own, newest first."""
    require(visible_to, Right.SEE_COMMISSIONS, "Your role does not see commissions.")
    own = visible_to.id if visible_to.has_role(Role.SALES_REP) else None
    return [MonthRow(*row) for row in await db.execute(_MONTHS, {"rep_id": own})]


async def get_statement(db: AsyncSession, rep_id: int, month: date, *, visible_to: Actor) -> Statement:
    """Return the statement of one rep for a month. Raises NotFound, and NotAllowed for a rep who asks for another's."""
    require(visible_to, Right.SEE_COMMISSIONS, "Your role does not see commissions.")
    if visible_to.has_role(Role.SALES_REP) and rep_id != visible_to.id:
        raise NotAllowed("Sales reps see only their own commissions.")
    rep = await db.get(Staff, rep_id)
    if rep is None:
        raise NotFound("There is no such colleague.")
    month = first_of_month(month)
    values = {"rep_id": rep_id, "month": month}
    lines = [Line(*row) for row in await db.execute(_ENTRIES, values)]
    since = [(row.order_number, row.amount) for row in await db.execute(_SINCE, values)]
    rates = await list_rates(db, rep_id)
    around = (await db.execute(_AROUND, values)).one()
    lock = (
        await db.execute(
            text("SELECT locked_at, actor_name FROM commission_month WHERE month = :month"), {"month": month}
        )
    ).first()
    return Statement(
        rep_id, rep.full_name or rep.username, month, lines, since, rates,
        lock.locked_at if lock else None, lock.actor_name if lock else "", *around,
    )  # fmt: skip


async def list_rates(db: AsyncSession, rep_id: int) -> list[tuple[date, Decimal]]:
    """List the rates of a rep in percent, each with the day it starts, newest first."""
    found = text("SELECT starts_on, percent FROM commission_rate WHERE staff_id = :rep_id ORDER BY starts_on DESC")
    return [(row.starts_on, row.percent) for row in await db.execute(found, {"rep_id": rep_id})]


async def lock_month(db: AsyncSession, data: LockMonth, *, by: Actor) -> date:
    """Make the statements of a month final. Raises Refused for a month that is not over or is already locked."""
    require(by, Right.PAY_COMMISSIONS, "Only a manager locks a month.")
    month = first_of_month(data.month)
    if month >= first_of_month(business_today(current_business().timezone)):
        raise Refused("The month has not ended yet.", code=Code.STATE_NOT_ALLOWED)
    await db.execute(text(f"SELECT pg_advisory_xact_lock({MONTH_LOCK})"))
    values = {"month": month, "kind": by.kind, "id": by.id, "name": by.name}
    if (await db.execute(_LOCK, values)).scalar_one_or_none() is None:
        raise Refused("The month is already locked.", code=Code.STATE_NOT_ALLOWED)
    await record_audit(
        db,
        action=AuditAction.COMMISSION_LOCKED,
        record_kind="commission_month",
        record_id=None,
        record_name=f"{month:%Y-%m}",
        by=by,
    )
    await announce(db, Topic.COMMISSIONS, 0)
    return month


async def set_rate(db: AsyncSession, rep_id: Id, data: SetRate, *, by: Actor) -> None:
    """Set the rate of a rep from a day on; earlier orders keep theirs.

    Raises NotFound, and InvalidInput if another rate begins on that day.
    """
    require(by, Right.EDIT_STAFF, "Only an administrator sets commission rates.")
    rep = await db.get(Staff, rep_id)
    if rep is None:
        raise NotFound("There is no such colleague.")
    taken = text("SELECT 1 FROM commission_rate WHERE staff_id = :rep_id AND starts_on = :day")
    if (await db.execute(taken, {"rep_id": rep_id, "day": data.starts_on})).first():
        raise InvalidInput("Another rate already begins on that day.", fields={"starts_on": "already has a rate"})
    rate = CommissionRate(
        staff_id=rep_id, percent=data.percent, starts_on=data.starts_on, **by.columns,
    )  # fmt: skip
    db.add(rate)
    await db.flush()
    await record_audit(
        db,
        action=AuditAction.STAFF_COMMISSION_RATE_SET,
        record_kind="staff",
        record_id=rep_id,
        record_name=rep.username,
        after={"percent": str(data.percent), "starts_on": data.starts_on.isoformat()},
        by=by,
    )


def export_statement(statement: Statement) -> AsyncIterator[bytes]:
    """Yield the entries as chunks of a CSV file."""

    async def cells() -> AsyncIterator[list[Cell]]:
        for line in statement.lines:
            day = line.created_at.astimezone(current_business().timezone).date().isoformat()
            paid = "yes" if line.is_paid else ""
            yield [
                day, line.order_number, line.customer, line.base, line.percent, line.kind, paid, line.amount,
            ]  # fmt: skip

    return stream_csv(COLUMNS, cells())
