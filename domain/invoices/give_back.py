"""Turns what was paid on an invoice into store credit: off its newest payments, each with a row that says so."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import move_credit
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from domain.payments.give_back_credit import list_applied
from models import CreditKind, GivenFor, Invoice, Order, Payment, PaymentMethod


async def turn_into_credit(
    db: AsyncSession, invoice: Invoice, amount: Decimal, given_for: GivenFor, *, note: str, by: Actor
) -> Decimal:
    """Turn an amount that was paid on a locked invoice into store credit. The invoice must have a customer.

    Amounts that are already being refunded are not credited as well. Returns the amount credited.
    """
    assert invoice.customer_id is not None  # the callers have checked
    mine = Payment.invoice_id == invoice.id if invoice.order_id is None else Payment.order_id == invoice.order_id
    left = amount
    for paid in await list_applied(db, mine):
        part = min(left, paid.left)
        if part > ZERO:
            await _give_back(db, invoice, paid.payment_id, part, given_for, note=note, by=by)
            left -= part
    taken = amount - left
    if invoice.order_id is None:
        invoice.amount_paid -= taken
    else:
        order = await db.get_one(Order, invoice.order_id)
        order.amount_paid -= taken
    await db.flush()
    return taken


async def _give_back(
    db: AsyncSession,
    invoice: Invoice,
    payment_id: int,
    amount: Decimal,
    given_for: GivenFor,
    *,
    note: str,
    by: Actor,
) -> None:
    payment = Payment(
        order_id=invoice.order_id,
        invoice_id=invoice.id if invoice.order_id is None else None,
        customer_id=invoice.customer_id,
        refunds_payment_id=payment_id,
        given_back=given_for.kind,
        given_for=given_for,
        method=PaymentMethod.STORE_CREDIT,
        amount=-amount,
        applied_amount=-amount,
        note=note,
        **by.columns,
    )
    db.add(payment)
    await db.flush()
    await move_credit(
        db,
        invoice.customer_id or 0,
        amount,
        kind=CreditKind.RETURNED,
        by=by,
        note=f"{invoice.invoice_number}: {note}",
        order_id=invoice.order_id,
        payment_id=payment.id,
    )
