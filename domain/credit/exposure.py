"""The exposure: what a customer owes on terms.

Exposure = balances of orders placed on terms that are not cancelled (their balance is 0), not on hold and not invoiced,
plus balances of open invoices. Overdue is such an order older than 30 days, or such an invoice after its due date.
`terms.py` decides whether another order is covered, under a lock on the customer, so that two orders can't both use the
last of the limit.
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
# What is owed on terms, row by row, with the last instant at which it is not overdue; the two placeholders limit it to
# customers. Each branch uses an index of open records.
OWED_ROWS = f"""
  SELECT o.customer_id, o.balance, o.created_at < now() - interval '{TERMS.days} days' AS is_overdue,
    false AS is_invoiced, o.created_at + interval '{TERMS.days} days' AS due_at
  FROM orders AS o
  WHERE {{whose_orders}} AND o.on_terms AND NOT o.on_hold AND o.balance > 0 AND NOT EXISTS (
    SELECT FROM invoice AS i WHERE i.order_id = o.id AND i.status IN ('sent', 'partly_paid', 'paid')
  )
  UNION ALL
  SELECT i.customer_id, i.balance, i.overdue_from IS NOT NULL AND i.overdue_from <= now(), true,
    i.overdue_from - interval '1 microsecond'
  FROM invoice AS i
  WHERE {{whose_invoices}} AND i.status IN ('sent', 'partly_paid')
"""  # noqa: S608 - fixed words only.
# Of customer $1, without the order $2 and the invoice $3.
OWED = OWED_ROWS.format(
    whose_orders="o.customer_id = $1 AND o.id IS DISTINCT FROM $2::bigint",
    whose_invoices="i.customer_id = $1 AND coalesce(i.order_id <> $2::bigint, true)"
    " AND i.id IS DISTINCT FROM $3::bigint",
)
_EXPOSURE = f"""
SELECT coalesce(sum(balance), 0) AS exposure, coalesce(bool_or(is_overdue), false) AS is_overdue FROM ({OWED}) AS owed
"""  # noqa: S608 - the text above.


class AccountStatus(StrEnum):
    """The standing of a customer with respect to their terms."""

    GOOD = "good"
    OVER_LIMIT = "over_limit"
    OVERDUE = "overdue"
    NO_TERMS = "no_terms"


@dataclass(frozen=True, slots=True)
class CreditStanding:
    """A customer's terms and exposure, in US dollars."""

    payment_terms: str
    credit_limit: Decimal
    exposure: Decimal
    is_overdue: bool

    @property
    def available_credit(self) -> Decimal:
        """The limit less the exposure, never negative."""
        return max(self.credit_limit - self.exposure, ZERO)

    @property
    def account_status(self) -> AccountStatus:
        """The account status. Overdue takes precedence over over limit."""
        if self.payment_terms != "net30":
            return AccountStatus.NO_TERMS
        if self.is_overdue:
            return AccountStatus.OVERDUE
        return AccountStatus.OVER_LIMIT if self.exposure > self.credit_limit else AccountStatus.GOOD

    def why_not_covered(self, amount: Decimal, *, what: str = "order") -> str:
        """Return why an order (or `what`) of `amount` on terms must wait; an empty string if it is covered."""
        if self.payment_terms != "net30":
            return "The customer has no net 30 terms."
        if self.is_overdue:
            return "The customer has an overdue balance."
        if self.exposure + amount > self.credit_limit:
            over = format_money(self.exposure + amount - self.credit_limit)
            return f"The {what} is {over} over the customer's credit limit."
        return ""


async def lock_customer(connection: asyncpg.Connection, customer_id: int) -> asyncpg.Record | None:
    """Return the customer's row, locked for the rest of the transaction. Always lock it before orders and products."""
    return await connection.fetchrow(f"{_CUSTOMER} FOR NO KEY UPDATE", customer_id)


async def find_customer(connection: asyncpg.Connection, customer_id: int) -> asyncpg.Record | None:
    """Return the customer's row without a lock."""
    return await connection.fetchrow(_CUSTOMER, customer_id)


async def calculate_exposure(
    connection: asyncpg.Connection,
    customer: asyncpg.Record,
    *,
    besides: int | None = None,
    besides_invoice: int | None = None,
) -> CreditStanding:
    """Return what the customer owes on terms now, without the order `besides` and the invoice `besides_invoice`.

    Exact while the customer is locked.
    """
    row = await connection.fetchrow(_EXPOSURE, customer["id"], besides, besides_invoice)
    assert row is not None  # an aggregate always returns one row
    return CreditStanding(customer["payment_terms"], customer["credit_limit"], row["exposure"], row["is_overdue"])
