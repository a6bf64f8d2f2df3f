"""The calling list: people to call, the events that change their priority, the calls made, and the call script."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Double, Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import (
    VACUUMED_SOON,
    ByActor,
    Table,
    count,
    created,
    flag,
    is_e164,
    key,
    link,
    moment,
    money,
    one_of,
    search_index,
    searched,
    text,
)

SEARCHED = (
    "lower(company_name || ' ' || contact_name || ' ' || first_name || ' ' || last_name || ' ' || "
    "coalesce(email, '') || ' ' || coalesce(phone, phone_raw))"
)
# The points that an entry's events now add to its base score: each event's points halve every 14 days. `e` is the
# entry.
DECAYED_POINTS = """coalesce((
  SELECT sum(v.points * power(0.5::float8, extract(epoch FROM now() - v.created_at)::float8 / 1209600))
  FROM calling_event AS v WHERE v.entry_id = e.id
), 0)"""


class CallingStatus(StrEnum):
    """The progress of a calling entry."""

    NEW = "new"
    CONTACTED = "contacted"
    CALLBACK = "callback"
    CUSTOMER = "customer"
    CLOSED = "closed"


class CallOutcome(StrEnum):
    """The outcome of a call, for people and voice agents alike, in the order of the keys 1 to 7."""

    SALE_MADE = "sale_made"
    INTERESTED_CALLBACK = "interested_callback"
    BUSY_CALLBACK = "busy_callback"
    NOT_INTERESTED = "not_interested"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    DNC_REQUESTED = "dnc_requested"


def score(default: float = 0) -> Any:
    """A calling score or a part of one, in points."""
    return Field(default=default, sa_type=Double, nullable=False, sa_column_kwargs={"server_default": str(default)})


class CallingEntry(Table, table=True):
    """A prospect or a customer to call. `hours_key` names the time zones and the state that decide its calling hours.
    The totals of its customer's orders are stored here, so that lists and segments read one table."""

    __tablename__ = "calling_entry"
    __table_args__ = (
        one_of("status", CallingStatus),
        is_e164("phone"),
        is_e164("phone2"),
        CheckConstraint("priority_score BETWEEN 0 AND 100", name="score_in_range"),
        Index("ix_calling_entry_priority", sql("priority_score DESC"), sql("id DESC")),
        Index("ix_calling_entry_last_called", sql("last_called_at DESC NULLS LAST"), sql("id DESC")),
        Index("ix_calling_entry_last_order", sql("last_order_at DESC NULLS LAST"), sql("id DESC")),
        Index("ix_calling_entry_company", sql("lower(company_name)"), "id"),
        Index("ix_calling_entry_created", sql("created_at DESC"), sql("id DESC")),
        Index("ix_calling_entry_spend", sql("total_spend DESC"), sql("id DESC")),
        Index("ix_calling_entry_assigned", "assigned_to", sql("priority_score DESC"), sql("id DESC")),
        Index("uq_calling_entry_phone", "phone", unique=True),
        Index("ix_calling_entry_phone2", "phone2", postgresql_where=sql("phone2 IS NOT NULL")),
        Index("ix_calling_entry_email", sql("lower(email)")),
        Index("ix_calling_entry_hours", "hours_key"),
        Index("ix_calling_entry_customer", "customer_id"),
        Index(
            "ix_calling_entry_window", "assigned_to", "window_until", postgresql_where=sql("window_until IS NOT NULL")
        ),
        Index(
            "ix_calling_entry_callback",
            "callback_on",
            sql("priority_score DESC"),
            sql("id DESC"),
            postgresql_where=sql("callback_on IS NOT NULL"),
        ),
        search_index("ix_calling_entry_search"),
        VACUUMED_SOON,
    )

    id: int = key()
    customer_id: int | None = link("customer.id", index=False, nullable=True, ondelete="SET NULL")
    first_name: str = text()
    last_name: str = text()
    contact_name: str = text()
    company_name: str = text()
    email: str | None = text(nullable=True)
    phone: str | None = text(nullable=True)
    phone_raw: str = text()
    phone2: str | None = text(nullable=True)
    street: str = text()
    city: str = text()
    state: str = text()
    zip: str = text()
    country: str = Field(default="US", sa_column_kwargs={"server_default": "US"})
    notes: str = text()
    status: str = Field(default="new", sa_column_kwargs={"server_default": "new"})
    assigned_to: int | None = link("staff.id", index=False, nullable=True, ondelete="SET NULL")
    base_score: float = score(30)
    priority_score: float = score(30)
    hours_key: str = text()
    # Whether one of the numbers or the customer is marked do-not-call, as of the last fold (`models/calling_mark.py`).
    is_suppressed: bool = flag(False)
    last_called_at: datetime | None = moment()
    last_outcome: str = text()
    callback_on: date | None = Field(default=None, nullable=True)
    # What the caller writes during the call; it is copied to the log with the outcome.
    draft_note: str = text()
    claimed_by: int | None = link("staff.id", nullable=True, ondelete="SET NULL")
    claimed_until: datetime | None = moment()
    # The time from which the entry waits for the caller who set a reminder; null in an ordinary claim.
    reminded_at: datetime | None = moment()
    order_count: int = count()
    order_days: int = count()
    total_spend: Decimal = money()
    first_order_at: datetime | None = moment()
    last_order_at: datetime | None = moment()
    # The business days on which the next order is expected: 0.8 to 1.3 of the customer's own cycle after the last
    # order.
    window_from: date | None = Field(default=None, nullable=True)
    window_until: date | None = Field(default=None, nullable=True)
    created_at: datetime = created()
    updated_at: datetime = created()
    search_text: str = searched(SEARCHED)
    version: int = count(1)


class OutboundCallLog(ByActor, table=True):
    """One call to a prospect or customer and its outcome, made by a colleague or by a voice agent."""

    __tablename__ = "outbound_call_log"
    __table_args__ = (
        one_of("outcome", CallOutcome),
        CheckConstraint("checker_verdict IN ('', 'pass', 'fail')", name="checker_verdict_known"),
        Index("ix_outbound_call_log_phone_created", "phone", sql("created_at DESC")),
        Index("ix_outbound_call_log_customer_created", "customer_id", sql("created_at DESC")),
        Index("ix_outbound_call_log_entry_created", "entry_id", sql("created_at DESC")),
        Index("ix_outbound_call_log_staff_created", "staff_id", sql("created_at DESC")),
        Index(
            "ix_outbound_call_log_created",
            sql("created_at DESC"),
            sql("id DESC"),
            postgresql_include=["customer_id", "phone"],
        ),
        VACUUMED_SOON,
    )

    id: int = key()
    entry_id: int | None = link("calling_entry.id", index=False, nullable=True, ondelete="SET NULL")
    customer_id: int | None = link("customer.id", index=False, nullable=True, ondelete="SET NULL")
    staff_id: int | None = link("staff.id", index=False, nullable=True, ondelete="SET NULL")
    phone: str
    customer_name: str = text()
    outcome: str
    order_number: str = text()
    callback_date: date | None = Field(default=None, nullable=True)
    notes: str = text()
    items_discussed: str = text()
    procurement_interest: bool = flag(False)
    checker_verdict: str = text()
    checker_reasons: list[str] = Field(
        default_factory=list, sa_type=JSONB, nullable=False, sa_column_kwargs={"server_default": "[]"}
    )
    transcript_url: str = text()
    # Not a foreign key: the review entry belongs to the voice agents' calls.
    review_queue_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    # The entry's values before this outcome, to undo it.
    replaced: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    created_at: datetime = created()


class CallingEvent(ByActor, table=True):
    """An event that changed an entry's priority. Its points are fixed when it happens, and decay with its age."""

    __tablename__ = "calling_event"
    __table_args__ = (
        Index("ix_calling_event_entry_created", "entry_id", sql("created_at DESC")),
        Index("ix_calling_event_called", "actor_id", sql("created_at DESC"), postgresql_where=sql("kind = 'called'")),
        Index("ix_calling_event_called_at", "created_at", postgresql_where=sql("kind = 'called'")),
    )

    id: int = key()
    entry_id: int = link("calling_entry.id", index=False, ondelete="CASCADE")
    kind: str
    points: float = score()
    call_id: int | None = link("outbound_call_log.id", nullable=True, ondelete="CASCADE")
    created_at: datetime = created()


class CallScript(ByActor, table=True):
    """One version of the call script; the newest one is in use."""

    __tablename__ = "call_script"

    id: int = key()
    content: str
    created_at: datetime = created()
