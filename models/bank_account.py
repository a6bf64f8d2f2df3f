"""Bank details that a customer gave a sales rep, for debits that the office makes by hand."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from models.base import ByActor, count, created, key, link, one_of, required_moment, text


class AccountType(StrEnum):
    """The type of the account."""

    CHECKING = "checking"
    SAVINGS = "savings"


class BankAccount(ByActor, table=True):
    """One customer's account. `sealed_number` is encrypted and bound to this row. `number_index` is an HMAC, so that
    the same account can be found at two customers without decrypting it."""

    __tablename__ = "bank_account"
    __table_args__ = (
        one_of("account_type", AccountType),
        CheckConstraint("routing_number ~ '^[0-9]{9}$'", name="routing_number_digits"),
        CheckConstraint("last_four ~ '^[0-9]{2,4}$'", name="last_four_digits"),
        Index("ix_bank_account_number", "number_index"),
    )

    id: int = key()
    customer_id: int = link("customer.id", index=False, ondelete="CASCADE", unique=True)
    bank_name: str = text()
    account_name: str = text()
    routing_number: str
    sealed_number: str
    number_index: str
    last_four: str
    account_type: str = Field(default="checking", sa_column_kwargs={"server_default": "checking"})
    authorized_at: datetime = required_moment()
    created_at: datetime = created()
    updated_at: datetime = created()
    version: int = count(1)
