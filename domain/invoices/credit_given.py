"""Checks whether a customer's terms cover an invoice, when it is sent and when its total increases.

An invoice gives credit if it is due after the day it is sent. One that is due at once gives none. An order that was
placed on terms was already checked with the order.
"""

from datetime import tzinfo
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may
from domain.credit.exposure import find_customer
from domain.credit.terms import Claim, check_terms
from domain.invoices.record import calculate_invoice_balance
from domain.kernel.actor import Actor
from domain.kernel.clock import business_date, now
from domain.kernel.errors import NotAllowed
from domain.kernel.money import ZERO
from domain.orders.hold import refuse_terms
from models import Invoice, Order
from models.session import raw_connection

FIELD_RIGHTS = {"override_terms": Right.OVERRIDE_TERMS}


def check_may_override(overrides: bool, by: Actor) -> None:
    """Raise NotAllowed if somebody who is not a manager overrides a customer's terms."""
    if overrides and not may(by, Right.OVERRIDE_TERMS):
        raise NotAllowed("Only a manager can override a customer's terms.")


def calculate_credit_given(invoice: Invoice, *, timezone: tzinfo) -> Decimal:
    """Return the part of a sent invoice that its customer has time to pay, in US dollars; 0 if it was due at once."""
    if invoice.sent_at is None or invoice.due_date is None:
        return ZERO
    is_due_later = invoice.due_date > business_date(invoice.sent_at, timezone)
    return calculate_invoice_balance(invoice) if is_due_later else ZERO


async def settle_credit_given(
    db: AsyncSession, invoice: Invoice, *, before: Decimal, overrides: bool, timezone: tzinfo
) -> str:
    """Raise Refused for a locked invoice that gives more credit than `before` and isn't covered, unless a manager
    overrides.

    Returns what was overridden, or an empty string. The order of an invoice that gives credit is on terms from then on.
    The customer must be locked.
    """
    if invoice.customer_id is None or calculate_credit_given(invoice, timezone=timezone) <= before:
        return ""
    order = await db.get_one(Order, invoice.order_id) if invoice.order_id is not None else None
    if order is not None and order.on_terms:
        return ""
    connection = await raw_connection(db)
    claim = Claim(
        invoice.total_amount,
        calculate_invoice_balance(invoice),
        order_id=invoice.order_id,
        invoice_id=invoice.id,
        is_late=before > ZERO and invoice.overdue_from is not None and invoice.overdue_from <= now(),
    )
    why = await check_terms(connection, await find_customer(connection, invoice.customer_id), claim)
    if why and not overrides:
        raise refuse_terms(why)
    if order is not None:
        order.on_terms = True
        order.released_total = order.total_amount if why else None
    return why
