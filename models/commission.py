"""Commissions: the rates of sales reps, the ledger of what they are owed, locked months, and sales targets."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, Numeric
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import ByActor, Table, created, key, link, moment, money, one_of, text


class CommissionKind(StrEnum):
    """Why an amount was written to the commission ledger."""

    EARNED = "earned"
    TAKEN_BACK = "taken_back"


class CommissionRate(ByActor, table=True):
    """A rep's commission in percent of goods sold, from a business day on. The newest rate that has begun applies."""

    __tablename__ = "commission_rate"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 50", name="percent_in_range"),
        Index("uq_commission_rate_staff_starts", "staff_id", sql("starts_on DESC"), unique=True),
    )

    id: int = key()
    staff_id: int = link("staff.id", index=False, ondelete="CASCADE")
    percent: Decimal = Field(sa_type=Numeric(5, 2), nullable=False)
    starts_on: date
    created_at: datetime = created()


class CommissionEntry(Table, table=True):
    """One amount due to a rep, or taken back. Only its payment columns ever change.

    `month` is the first day of the month in which it is paid. Customer, base and percent are copied from the order, so
    that a locked statement never changes. An amount taken back after the rep was paid is an open entry of its own.
    """

    __tablename__ = "commission_entry"
    __table_args__ = (
        one_of("kind", CommissionKind),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_commission_entry_month_staff", "month", "staff_id", "id"),
        Index("ix_commission_entry_staff_month", "staff_id", "month"),
        Index("ix_commission_entry_open", "staff_id", postgresql_where=sql("paid_at IS NULL")),
    )

    id: int = key()
    order_id: int | None = link("orders.id", nullable=True, ondelete="SET NULL")
    order_number: str
    staff_id: int = link("staff.id", index=False)
    kind: str
    amount: Decimal = money()
    month: date
    note: str = text()
    customer: str = text()
    base: Decimal | None = Field(default=None, sa_type=Numeric(12, 2))
    percent: Decimal | None = Field(default=None, sa_type=Numeric(5, 2))
    paid_at: datetime | None = moment()
    paid_by: str = text()
    created_at: datetime = created()


class CommissionMonth(ByActor, table=True):
    """A month whose statements are final. Later changes are entries of later months."""

    __tablename__ = "commission_month"

    month: date = Field(primary_key=True)
    locked_at: datetime = created()


class SalesTarget(ByActor, table=True):
    """A rep's sales target for a month, in US dollars of order totals."""

    __tablename__ = "sales_target"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        Index("uq_sales_target_staff_month", "staff_id", "month", unique=True),
    )

    id: int = key()
    staff_id: int = link("staff.id", index=False, ondelete="CASCADE")
    month: date
    amount: Decimal = money()
    created_at: datetime = created()
    updated_at: datetime = created()
