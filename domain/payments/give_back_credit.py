"""Returns store credit applied to an order: all of it if the order is cancelled, part of it for short picks."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from domain.credit.ledger import move_credit
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from domain.payments.intents import UNSETTLED
from models import (
    CreditKind,
    GivenBack,
    GivenFor,
    IntentKind,
    Order,
    Payment,
    PaymentMethod,
    PaymentState,
    StripeIntent,
)


@dataclass(frozen=True, slots=True)
class Applied:
    """A payment with the part of it that is still applied and not being refunded, in US dollars."""

    payment_id: int
    method: str
    left: Decimal


async def list_applied(db: AsyncSession, of: ColumnElement[bool]) -> Sequence[Applied]:
    """Return the payments that are still applied to an order or invoice, store credit included, newest first."""
    back = aliased(Payment)
    returned = (
        select(func.coalesce(func.sum(back.applied_amount), ZERO))
        .where(back.refunds_payment_id == Payment.id, back.state == PaymentState.SUCCEEDED)
        .scalar_subquery()
    )
    on_its_way = (
        select(func.coalesce(func.sum(StripeIntent.amount), ZERO))
        .where(
            StripeIntent.payment_id == Payment.id,
            StripeIntent.kind == IntentKind.REFUND,
            StripeIntent.state.in_(UNSETTLED),
        )
        .scalar_subquery()
    )
    rows = await db.execute(
        select(Payment.id, Payment.method, Payment.amount, Payment.applied_amount + returned - on_its_way)
        .where(of, Payment.state == PaymentState.SUCCEEDED, Payment.refunds_payment_id.is_(None))
        .order_by(Payment.id)
    )
    # Store credit returned by a cancelled order names no payment: it counts against the credit used first.
    found = [(row[0], row[1], row[2], row[3]) for row in rows]
    unnamed = -sum((left for _, _, amount, left in found if amount < ZERO), ZERO)
    applied = []
    for payment_id, method, amount, left in found:
        if amount < ZERO:
            continue
        gone = min(unnamed, max(left, ZERO)) if method == PaymentMethod.STORE_CREDIT else ZERO
        unnamed -= gone
        if left > gone:
            applied.append(Applied(payment_id, method, left - gone))
    return applied[::-1]


async def give_back_credit(db: AsyncSession, order: Order, *, by: Actor) -> Decimal:
    """Return the store credit still applied to a locked, cancelled order. Repeating it returns nothing more."""
    used = await calculate_credit_used(db, order)
    if order.customer_id is None or used <= 0:
        return ZERO
    await _return(db, order, used, why=GivenFor.CANCELLED, by=by, note="Order cancelled")
    return used


async def give_back_some_credit(db: AsyncSession, order: Order, most: Decimal, *, by: Actor, note: str) -> Decimal:
    """Return up to `most` of the store credit applied to a locked order, as an allowance for a short pick."""
    returned = ZERO
    for used in await list_applied(db, Payment.order_id == order.id):
        part = min(most - returned, used.left)
        if order.customer_id is not None and used.method == PaymentMethod.STORE_CREDIT and part > ZERO:
            await _return(db, order, part, why=GivenFor.SHORT, by=by, note=note, payment_id=used.payment_id)
            order.allowances += part
            returned += part
    return returned


async def _return(
    db: AsyncSession,
    order: Order,
    amount: Decimal,
    *,
    why: GivenFor,
    by: Actor,
    note: str,
    payment_id: int | None = None,
) -> None:
    assert order.customer_id is not None  # the callers have checked
    payment = Payment(
        order_id=order.id,
        customer_id=order.customer_id,
        refunds_payment_id=payment_id,
        given_back=GivenBack.ALLOWANCE,
        given_for=why,
        method=PaymentMethod.STORE_CREDIT,
        amount=-amount,
        applied_amount=-amount,
        note=note,
        **by.columns,
    )
    db.add(payment)
    await db.flush()
    cancelled = why is GivenFor.CANCELLED
    await move_credit(
        db,
        order.customer_id,
        amount,
        kind=CreditKind.RETURNED,
        by=by,
        note=f"{order.order_number} was cancelled" if cancelled else f"Short on {order.order_number}",
        order_id=order.id,
        payment_id=payment.id,
    )
    order.amount_paid -= amount


async def calculate_credit_used(db: AsyncSession, order: Order) -> Decimal:
    """Return the store credit still applied to an order; other money that was given back as credit does not count."""
    first = aliased(Payment)
    of_credit = select(first.id).where(
        first.order_id == order.id, first.method == PaymentMethod.STORE_CREDIT, first.amount > ZERO
    )
    used: Decimal = (
        await db.execute(
            select(func.coalesce(func.sum(Payment.applied_amount), ZERO)).where(
                Payment.order_id == order.id,
                Payment.state == PaymentState.SUCCEEDED,
                or_(
                    and_(Payment.method == PaymentMethod.STORE_CREDIT, Payment.refunds_payment_id.is_(None)),
                    Payment.refunds_payment_id.in_(of_credit),
                ),
            )
        )
    ).scalar_one()
    return used
