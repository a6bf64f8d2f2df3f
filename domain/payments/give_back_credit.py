"""A cancelled order gives the store credit that was used on it back to the customer."""

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import move_credit
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from models import CreditKind, GivenBack, GivenFor, Order, Payment, PaymentMethod, PaymentState


async def give_back_credit(db: AsyncSession, order: Order, *, by: Actor) -> Decimal:
    """Return what credit still pays on a locked order; doing it again returns nothing."""
    used = await calculate_credit_used(db, order)
    if order.customer_id is None or used <= 0:
        return ZERO
    payment = Payment(
        order_id=order.id,
        customer_id=order.customer_id,
        given_back=GivenBack.ALLOWANCE,
        given_for=GivenFor.CANCELLED,
        method=PaymentMethod.STORE_CREDIT,
        amount=-used,
        applied_amount=-used,
        note="Order cancelled",
        **by.columns,
    )
    db.add(payment)
    await db.flush()
    await move_credit(
        db,
        order.customer_id,
        used,
        kind=CreditKind.RETURNED,
        by=by,
        note=f"{order.order_number} was cancelled",
        order_id=order.id,
        payment_id=payment.id,
    )
    order.amount_paid -= used
    return used


async def calculate_credit_used(db: AsyncSession, order: Order) -> Decimal:
    """What credit pays on an order; other money that was given back as credit is no part of it."""
    used: Decimal = (
        await db.execute(
            select(func.coalesce(func.sum(Payment.applied_amount), ZERO)).where(
                Payment.order_id == order.id,
                Payment.method == PaymentMethod.STORE_CREDIT,
                Payment.state == PaymentState.SUCCEEDED,
                Payment.refunds_payment_id.is_(None),
            )
        )
    ).scalar_one()
    return used
