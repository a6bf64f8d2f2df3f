"""Whether a customer's terms cover an order: the one function that every act asks which can raise what is owed.

Placing, entering, editing lines, discount or fee, linking to an account, reopening, taking a payment back, sending an
invoice and revising it all ask `check_terms`, under the lock on the customer (`lock_customer`, always before the
order). Acts on an order that is there already go through `domain/orders/hold.py`, which puts the answer on it, those on
invoices through `domain/invoices/credit_given.py`.
"""

from dataclasses import dataclass
from decimal import Decimal

import asyncpg

from domain.credit.exposure import calculate_exposure

NO_TERMS_FOR_GUESTS = "A guest has no net 30 terms."
NO_TERMS = "The customer has no net 30 terms."
OVERDUE = "The customer has an overdue balance."


@dataclass(frozen=True, slots=True)
class Claim:
    """What one order or invoice on terms asks of its customer's credit, US dollars.

    `order_id` and `invoice_id` are its own where it is written already, so that it isn't counted twice;
    `released_total` the total that a manager let go; `is_late` is true for one that is itself owed beyond its days.
    """

    total: Decimal
    balance: Decimal
    order_id: int | None = None
    released_total: Decimal | None = None
    is_late: bool = False
    invoice_id: int | None = None


async def check_terms(connection: asyncpg.Connection, customer: asyncpg.Record | None, claim: Claim) -> str:
    """Why an order on terms must wait for a manager; empty when it is paid, released at this total or covered.

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
