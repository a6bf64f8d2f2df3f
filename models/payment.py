"""Money in and out of orders and invoices: every payment, credit used included, is a row."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from models.base import Table, created, key, link, money, one_of, text
from models.order import PaymentMethod


class PaymentState(StrEnum):
    """How far a payment has come; only `succeeded` counts as money."""

    INTENDED = "intended"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Payment(Table, table=True):
    """One payment of one order or of one invoice that has none, never of both; a refund is a row with a negative amount
    that names the payment it returns. Rows that came as one receipt share its id."""

    __tablename__ = "payment"
    __table_args__ = (
        one_of("state", PaymentState),
        one_of("method", PaymentMethod),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        CheckConstraint("num_nonnulls(order_id, invoice_id) = 1", name="order_or_invoice"),
        Index("ix_payment_order_id_id", "order_id", "id"),
        Index("ix_payment_invoice_id_id", "invoice_id", "id"),
    )

    id: int = key()
    order_id: int | None = link("orders.id", index=False, nullable=True)
    invoice_id: int | None = link("invoice.id", index=False, nullable=True)
    receipt_id: int | None = link("receipt.id", nullable=True)
    customer_id: int | None = link("customer.id", nullable=True, ondelete="SET NULL")
    refunds_payment_id: int | None = link("payment.id", nullable=True)
    method: str
    state: str = Field(default="succeeded", sa_column_kwargs={"server_default": "succeeded"})
    amount: Decimal = money()
    applied_amount: Decimal = money()
    reference: str = text()
    note: str = text()
    provider_id: str | None = Field(default=None, unique=True)
    actor_kind: str = text()
    actor_id: int | None = None
    actor_name: str = text()
    created_at: datetime = created()
