"""Subscriptions: recurring orders, and every attempt to renew one."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, Index, Numeric
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import VACUUMED_SOON, Table, count, created, flag, key, link, moment, money, one_of, text


class SubscriptionStatus(StrEnum):
    """Whether a subscription renews. Cancelled is final."""

    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class SavedPayment(StrEnum):
    """The saved payment method of a subscription: a card or a US bank account."""

    CARD = "card"
    ACH = "ach"


class RenewalStatus(StrEnum):
    """The progress of a renewal. It is processing while the charge or the bank debit is pending."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class Subscription(Table, table=True):
    """A product that a customer gets every `interval_days` days at a discount in percent, charged to the saved payment
    method.

    `retry_on` is the day of the next attempt after the renewal of `next_renewal_date` failed. `rhythm_from` is the
    original date of a single delivery that was moved; later dates are counted from it. `resume_on` is the day on which
    a pause ends automatically. `pays_by` describes the saved payment method `pays_by_id` as Stripe shows it;
    `payment_expires_on` is a card's last day. `substitute_id` is a product that replaces the next renewal's product
    once the customer has agreed. Without a saved payment method, the subscription is paused until the customer saves
    one.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        one_of("status", SubscriptionStatus),
        one_of("payment_type", SavedPayment),
        CheckConstraint("quantity BETWEEN 4 AND 100000", name="quantity_in_range"),
        CheckConstraint("interval_days BETWEEN 7 AND 365", name="interval_in_range"),
        CheckConstraint("discount_pct BETWEEN 0 AND 20", name="discount_in_range"),
        Index("ix_subscription_customer", "customer_id", "id"),
        Index("ix_subscription_due", "next_renewal_date", postgresql_where=sql("status = 'active'")),
        Index(
            "ix_subscription_next",
            sql("(CASE WHEN status = 'active' THEN coalesce(retry_on, next_renewal_date) END)"),
            "id",
        ),
        Index(
            "ix_subscription_retried",
            "retry_on",
            "id",
            postgresql_where=sql("status = 'active' AND retry_on IS NOT NULL"),
        ),
        # For the counts of the tabs, and for the list of each status by next date.
        Index(
            "ix_subscription_status",
            "status",
            sql("(CASE WHEN status = 'active' THEN coalesce(retry_on, next_renewal_date) END)"),
            "id",
        ),
        Index("ix_subscription_resumes", "resume_on", postgresql_where=sql("status = 'paused'")),
        VACUUMED_SOON,
    )

    id: int = key()
    customer_id: int = link("customer.id", index=False)
    product_id: int = link("product.id")
    quantity: int
    interval_days: int
    discount_pct: Decimal = Field(sa_type=Numeric(5, 2))
    next_renewal_date: date = Field(sa_type=Date)
    retry_on: date | None = Field(default=None, sa_type=Date, nullable=True)
    failures: int = count()
    rhythm_from: date | None = Field(default=None, sa_type=Date, nullable=True)
    resume_on: date | None = Field(default=None, sa_type=Date, nullable=True)
    status: str = Field(default="active", sa_column_kwargs={"server_default": "active"})
    stripe_customer_id: str = text()
    stripe_payment_method_id: str = text()
    payment_type: str
    pays_by: str = text()
    pays_by_id: str = text()
    payment_expires_on: date | None = Field(default=None, sa_type=Date, nullable=True)
    substitute_id: int | None = link("product.id", nullable=True, ondelete="SET NULL")
    substitute_agreed: bool = flag(False)
    delivery_name: str = text()
    delivery_phone: str | None = text(nullable=True)
    delivery_email: str = text()
    delivery_address: str = text()
    delivery_city: str = text()
    delivery_state: str = text()
    delivery_zip: str = text()
    delivery_company: str = text()
    notes: str = text()
    created_by: str = text()
    created_at: datetime = created()
    updated_at: datetime = created()
    version: int = count(1)


class Renewal(Table, table=True):
    """One attempt to renew, with its product and amount fixed. `holds_stock` is true while units are reserved for it
    and it has no order yet. Its order moved the subscription from `moved_from`, with `rhythm_from`, to `moved_to`.
    `caller`, `client_key` and `request_hash` belong to the request that asked for it."""

    __tablename__ = "renewal"
    __table_args__ = (
        one_of("status", RenewalStatus),
        Index("uq_renewal_try", "subscription_id", "due_date", "attempt", unique=True),
        Index("ix_renewal_subscription", "subscription_id", sql("id DESC")),
        Index("ix_renewal_client_key", "caller", "client_key", postgresql_where=sql("client_key <> ''")),
        Index("ix_renewal_open", "id", postgresql_where=sql("status = 'processing'")),
    )

    id: int = key()
    subscription_id: int = link("subscription.id", index=False, ondelete="CASCADE")
    due_date: date = Field(sa_type=Date)
    attempt: int
    status: str = Field(default="processing", sa_column_kwargs={"server_default": "processing"})
    product_id: int = link("product.id")
    quantity: int
    unit_price: Decimal = money()
    delivery_fee: Decimal = money()
    amount: Decimal = money()
    holds_stock: bool = flag(False)
    order_id: int | None = link("orders.id", nullable=True, ondelete="SET NULL")
    intent_id: int | None = link("stripe_intent.id", nullable=True, ondelete="SET NULL")
    moved_from: date | None = Field(default=None, sa_type=Date, nullable=True)
    moved_to: date | None = Field(default=None, sa_type=Date, nullable=True)
    rhythm_from: date | None = Field(default=None, sa_type=Date, nullable=True)
    payment_intent_id: str = text()
    error: str = text()
    caller: str = text()
    client_key: str = text()
    request_hash: str = text()
    created_at: datetime = created()
    settled_at: datetime | None = moment()
