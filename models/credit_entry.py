"""The store credit ledger: a customer's balance is the sum of the amounts and is never negative."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index

from models.base import ByActor, created, key, link, money, one_of, text


class CreditKind(StrEnum):
    """The reason for a change of store credit."""

    OVERPAYMENT = "overpayment"
    APPLIED = "applied"
    RETURNED = "returned"
    ADJUSTMENT = "adjustment"
    REFUND = "refund"


class CreditEntry(ByActor, table=True):
    """One change of a customer's store credit, written under a lock on the customer. Amounts are US dollars."""

    __tablename__ = "credit_entry"
    __table_args__ = (
        one_of("kind", CreditKind),
        CheckConstraint("balance_after >= 0", name="balance_not_negative"),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_credit_entry_customer_id_id", "customer_id", "id"),
    )

    id: int = key()
    customer_id: int = link("customer.id", index=False)
    amount: Decimal = money()
    balance_after: Decimal = money()
    kind: str
    note: str = text()
    order_id: int | None = link("orders.id", nullable=True, ondelete="SET NULL")
    payment_id: int | None = link("payment.id", nullable=True)
    created_at: datetime = created()
