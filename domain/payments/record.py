"""Putting a payment on an order: every payment is a row, the order's `amount_paid` their sum.

`total_amount` never changes by paying; a part-paid order stays unpaid; a surplus becomes store credit, and a guest's
stays unapplied and needs attention.
"""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.actor import Actor
from domain.credit.ledger import move_credit
from domain.money import ZERO, format_money
from domain.orders.statuses import PaymentMethod, PaymentStatus
from models import CreditKind, Order, Payment


def calculate_balance(order: Order) -> Decimal:
    """What is still to be paid, US dollars, never below zero."""
    return max(order.total_amount - order.amount_paid, ZERO)


async def add_payment(
    db: AsyncSession,
    order: Order,
    amount: Decimal,
    *,
    method: PaymentMethod,
    by: Actor,
    note: str = "",
    reference: str = "",
    provider_id: str | None = None,
) -> Decimal:
    """Record `amount` received for a locked order and return the surplus that became store credit.

    Marks the order paid once nothing is left, and lifts a hold that waited for the money.
    """
    applied = min(amount, calculate_balance(order))
    surplus = amount - applied
    payment = Payment(
        order_id=order.id,
        customer_id=order.customer_id,
        method=method,
        amount=amount,
        applied_amount=applied,
        reference=reference,
        provider_id=provider_id,
        note=note,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_name=by.name,
    )
    db.add(payment)
    order.amount_paid += applied
    settle_payment_status(order)
    await db.flush()
    if surplus and order.customer_id is not None:
        await move_credit(
            db,
            order.customer_id,
            surplus,
            kind=CreditKind.OVERPAYMENT,
            by=by,
            note=f"Paid over on {order.order_number}",
            order_id=order.id,
            payment_id=payment.id,
        )
        return surplus
    if surplus:
        order.attention = f"{format_money(surplus)} paid over by a guest, not applied yet."
    return ZERO


def settle_payment_status(order: Order) -> None:
    """Make the payment status follow the money: paid at a balance of zero, and a hold is over then."""
    if calculate_balance(order) == ZERO:
        order.payment_status = PaymentStatus.PAID
        order.on_hold = False
        order.hold_reason = ""
    elif order.payment_status == PaymentStatus.PAID:
        order.payment_status = PaymentStatus.UNPAID
