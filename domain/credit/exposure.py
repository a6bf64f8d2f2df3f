"""What a customer owes on terms, and whether another order is covered.

Exposure = balances of orders placed on terms that are neither cancelled (their balance is 0) nor on hold. Overdue: an
order with a balance that is older than 30 days. Whether one more order is covered is asked of `terms.py`, under a lock
on the customer, so that two orders can't both use the last of the limit.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

import asyncpg

from domain.kernel.money import ZERO, format_money

TERMS = timedelta(days=30)

_CUSTOMER = """
SELECT id, company_name, email, phone, payment_terms, credit_limit, sales_rep_id, is_active FROM customer WHERE id = $1
"""
_EXPOSURE = """
SELECT coalesce(sum(balance), 0) AS exposure,
       coalesce(bool_or(created_at < now() - $2::interval), false) AS is_overdue
FROM orders
WHERE customer_id = $1 AND on_terms AND NOT on_hold AND balance > 0 AND id IS DISTINCT FROM $3::bigint
"""


class AccountStatus(StrEnum):
    """How a customer stands on terms."""

    GOOD = "good"
    OVER_LIMIT = "over_limit"
    OVERDUE = "overdue"
    NO_TERMS = "no_terms"


@dataclass(frozen=True, slots=True)
class CreditStanding:
    """A customer's terms in figures, US dollars."""

    payment_terms: str
    credit_limit: Decimal
    exposure: Decimal
    is_overdue: bool

    @property
    def available_credit(self) -> Decimal:
        """What the limit still covers, never below zero."""
        return max(self.credit_limit - self.exposure, ZERO)

    @property
    def account_status(self) -> AccountStatus:
        """The one word for it; overdue weighs more than over the limit."""
        if self.payment_terms != "net30":
            return AccountStatus.NO_TERMS
        if self.is_overdue:
            return AccountStatus.OVERDUE
        return AccountStatus.OVER_LIMIT if self.exposure > self.credit_limit else AccountStatus.GOOD

    def why_not_covered(self, amount: Decimal) -> str:
        """Why an order of `amount` on terms must wait; empty when it is covered."""
        if self.payment_terms != "net30":
            return "The customer has no net 30 terms."
        if self.is_overdue:
            return "The customer has an overdue balance."
        if self.exposure + amount > self.credit_limit:
            over = format_money(self.exposure + amount - self.credit_limit)
            return f"The order is {over} over the customer's credit limit."
        return ""


async def lock_customer(connection: asyncpg.Connection, customer_id: int) -> asyncpg.Record | None:
    """The customer's row, locked for the rest of the transaction; before orders and products, always."""
    return await connection.fetchrow(f"{_CUSTOMER} FOR NO KEY UPDATE", customer_id)


async def find_customer(connection: asyncpg.Connection, customer_id: int) -> asyncpg.Record | None:
    """The customer's row without a lock."""
    return await connection.fetchrow(_CUSTOMER, customer_id)


async def calculate_exposure(
    connection: asyncpg.Connection, customer: asyncpg.Record, *, besides: int | None = None
) -> CreditStanding:
    """What the customer owes on terms at this moment, besides one order where it is named.

    Exact while the customer is locked.
    """
    row = await connection.fetchrow(_EXPOSURE, customer["id"], TERMS, besides)
    assert row is not None  # an aggregate always answers one row
    return CreditStanding(customer["payment_terms"], customer["credit_limit"], row["exposure"], row["is_overdue"])
