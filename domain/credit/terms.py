"""Decides whether a customer's terms cover an order: every act that can increase what is owed calls this function.

Placing, entering, editing lines, discount or fee, linking to an account, reopening, taking a payment back, sending an
invoice and revising it all call `check_terms`, under the lock on the customer (`lock_customer`, always before the
order). Acts on existing orders use `domain/orders/hold.py`, which stores the result on the order; acts on invoices use
`domain/invoices/credit_given.py`.
"""

from dataclasses import dataclass
from decimal import Decimal

import asyncpg

from domain.credit.exposure import calculate_exposure

NO_TERMS_FOR_GUESTS = "Guests have no net 30 terms."
NO_TERMS = "The customer has no net 30 terms."
OVERDUE = "The customer has an overdue balance."


@dataclass(frozen=True, slots=True)
class Claim:
    """How much of a customer's credit one order or invoice on terms needs, in US dollars.

    `order_id` and `invoice_id` are its own ids if it is already written, so that it isn't counted twice.
    `released_total` is the total for which a manager released it. `is_late` is true if it is itself overdue.
    """

    total: Decimal
    balance: Decimal
    order_id: int | None = None
    released_total: Decimal | None = None
    is_late: bool = False
    invoice_id: int | None = None


async def check_terms(connection: asyncpg.Connection, customer: asyncpg.Record | None, claim: Claim) -> str:
    """Return why an order on terms must wait for a manager; an empty string if it is paid, covered, or released at this
    total.

    Exact while the customer is locked; without the lock it is a preview.
    """
    if claim.balance <= 0:
        return ""
    if claim.released_total is not None and claim.total <= claim.released_total:
        return ""
    if customer is None:
        return NO_TERMS_FOR_GUESTS
    if customer["payment_terms"] != "net30":
        return NO_TERMS
    standing = await calculate_exposure(connection, customer, besides=claim.order_id, besides_invoice=claim.invoice_id)
    what = "order" if claim.invoice_id is None else "invoice"
    return OVERDUE if claim.is_late else standing.why_not_covered(claim.balance, what=what)
