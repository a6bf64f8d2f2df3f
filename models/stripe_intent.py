"""What we are about to do at Stripe: the row and its idempotency key are committed before the call.

A lost answer is `unknown`, never `failed`; the reconciler asks Stripe about every row that is not settled.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import ByActor, count, created, key, link, moment, money, one_of, required_moment, text


class IntentKind(StrEnum):
    """The kind of Stripe object, and its purpose."""

    CARD = "card"
    CHECKOUT = "checkout"
    REFUND = "refund"
    RENEWAL = "renewal"
    INVOICE = "invoice"
    SETUP = "setup"


class IntentState(StrEnum):
    """The progress of an intent: intended → (unknown) → open → pending → one of the last three."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    OPEN = "open"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StripeIntent(ByActor, table=True):
    """One act at Stripe. `parameters` are fixed with the key, since Stripe refuses a key with different parameters.
    `payment_intent_id` is the payment of a checkout; `payment_id` is the payment that a refund returns. An `invoice` is
    also a checkout; `InvoiceCheckout` rows name the invoices it pays. A `setup` takes no money: it saves a payment
    method."""

    __tablename__ = "stripe_intent"
    __table_args__ = (
        one_of("kind", IntentKind),
        one_of("state", IntentState),
        CheckConstraint("amount > 0 OR kind = 'setup'", name="amount_positive"),
        # At most one payment in progress per order and amount, and one checkout per link.
        Index(
            "uq_stripe_intent_card_order_amount",
            "order_id",
            "amount",
            unique=True,
            postgresql_where=sql("kind = 'card' AND state IN ('intended', 'unknown', 'open')"),
        ),
        Index(
            "uq_stripe_intent_checkout_link",
            "pay_link_id",
            unique=True,
            postgresql_where=sql("kind = 'checkout' AND state IN ('intended', 'unknown', 'open')"),
        ),
        Index(
            "ix_stripe_intent_to_ask",
            "next_ask_at",
            postgresql_where=sql("state IN ('intended', 'unknown', 'open', 'pending')"),
        ),
        Index("ix_stripe_intent_client_key", "caller", "client_key", postgresql_where=sql("client_key <> ''")),
    )

    id: int = key()
    kind: str
    state: str = Field(default="intended", sa_column_kwargs={"server_default": "intended"})
    order_id: int | None = link("orders.id", nullable=True, ondelete="SET NULL")
    customer_id: int | None = link("customer.id", nullable=True, ondelete="SET NULL")
    pay_link_id: int | None = link("pay_link.id", nullable=True, ondelete="SET NULL")
    payment_id: int | None = link("payment.id", nullable=True)
    amount: Decimal = money()
    idempotency_key: str = Field(unique=True)
    parameters: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    provider_id: str | None = Field(default=None, unique=True)
    payment_intent_id: str | None = Field(default=None, index=True)
    url: str = text()
    expires_at: datetime | None = moment()
    last_error: str = text()
    attempts: int = count()
    next_ask_at: datetime = required_moment()
    settled_at: datetime | None = moment()
    caller: str = text()
    client_key: str = text()
    request_hash: str = text()
    created_at: datetime = created()
    updated_at: datetime = created()
