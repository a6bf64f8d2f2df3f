"""Money received for, and given back on, orders and invoices: every payment, store credit included, is a row."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from models.base import ByActor, created, key, link, money, one_of, text
from models.order import PaymentMethod


class PaymentState(StrEnum):
    """The progress of a payment. Only `succeeded` counts as money."""

    INTENDED = "intended"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class GivenBack(StrEnum):
    """What money given back does to the amount owed: an allowance reduces it, a reversal makes it owed again."""

    ALLOWANCE = "allowance"
    REVERSAL = "reversal"


class GivenFor(StrEnum):
    """Why money was given back."""

    RETURNED = "returned"
    DAMAGED = "damaged"
    SHORT = "short"
    GOODWILL = "goodwill"
    CANCELLED = "cancelled"
    MISTAKE = "mistake"
    BOUNCED = "bounced"
    DISPUTED = "disputed"

    @property
    def kind(self) -> GivenBack:
        """Whether giving money back for this reason is an allowance or a reversal."""
        return GivenBack.REVERSAL if self in _REVERSALS else GivenBack.ALLOWANCE


_REVERSALS = (GivenFor.MISTAKE, GivenFor.BOUNCED, GivenFor.DISPUTED)


class Payment(ByActor, table=True):
    """One payment of an order, or of an invoice without an order, never of both. Money given back is a negative row
    that names the payment it returns and the reason. What is given back because an order was cancelled counts only
    while it is cancelled. Rows of one receipt share its id."""

    __tablename__ = "payment"
    __table_args__ = (
        one_of("state", PaymentState),
        one_of("method", PaymentMethod),
        one_of("given_back", GivenBack),
        one_of("given_for", GivenFor),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        CheckConstraint("num_nonnulls(order_id, invoice_id) = 1", name="order_or_invoice"),
        CheckConstraint(
            "CASE WHEN amount > 0 THEN given_back IS NULL AND given_for IS NULL "
            "ELSE given_back IS NOT NULL AND given_for IS NOT NULL "
            "AND (given_back = 'reversal') = (given_for IN ('mistake', 'bounced', 'disputed')) END",
            name="given_back_said",
        ),
        Index("ix_payment_created", "created_at"),
        Index("ix_payment_order_id_id", "order_id", "id"),
        Index("ix_payment_invoice_id_id", "invoice_id", "id"),
    )

    id: int = key()
    order_id: int | None = link("orders.id", index=False, nullable=True)
    invoice_id: int | None = link("invoice.id", index=False, nullable=True)
    receipt_id: int | None = link("receipt.id", nullable=True)
    customer_id: int | None = link("customer.id", nullable=True, ondelete="SET NULL")
    refunds_payment_id: int | None = link("payment.id", nullable=True)
    given_back: str | None = text(nullable=True)
    given_for: str | None = text(nullable=True)
    method: str
    state: str = Field(default="succeeded", sa_column_kwargs={"server_default": "succeeded"})
    amount: Decimal = money()
    applied_amount: Decimal = money()
    reference: str = text()
    note: str = text()
    provider_id: str | None = Field(default=None, unique=True)
    created_at: datetime = created()


class OrderAllowance(ByActor, table=True):
    """A reduction of what is owed on an order, such as for missing goods. No money moves, so it is not a payment."""

    __tablename__ = "order_allowance"
    __table_args__ = (
        one_of("given_for", GivenFor),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_order_allowance_created", "created_at"),
    )

    id: int = key()
    order_id: int = link("orders.id", ondelete="CASCADE")
    amount: Decimal = money()
    given_for: str
    created_at: datetime = created()
