"""How much of a payment can still be given back, and the rows that reserve it.

Never more goes back than came in: what is being given back counts like what is given back already, and both are read
under the lock on the order.
"""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.actor import Actor
from domain.errors import NotFound
from domain.jobs import enqueue
from domain.money import ZERO
from domain.orders.statuses import PaymentMethod
from domain.payments.intents import UNSETTLED, make_intent
from integrations.stripe_client import to_cents
from models import IntentKind, Order, Payment, PaymentState, StripeIntent

REFUND_JOB = "refund_payment"
# A door that refunds in its own answer is done within this; the job then finds nothing left to do.
_DOOR_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Refundable:
    """A payment with what can still be given back of it, US dollars."""

    payment: Payment
    left: Decimal

    @property
    def is_stripe(self) -> bool:
        """True when Stripe took the money and gives it back."""
        return (self.payment.provider_id or "").startswith("pi_")


async def list_refundable(db: AsyncSession, order: Order) -> list[Refundable]:
    """The payments of an order with what is left of each to give back, newest first; credit used is not among them.

    A surplus that became store credit is not given back a second time.
    """
    rows = await db.execute(
        select(Payment)
        .where(
            Payment.order_id == order.id,
            Payment.amount > 0,
            Payment.state == PaymentState.SUCCEEDED,
            Payment.method != PaymentMethod.STORE_CREDIT,
        )
        .order_by(Payment.id.desc())
    )
    payments = list(rows.scalars())
    ids = [payment.id for payment in payments]
    back = await db.execute(
        select(Payment.refunds_payment_id, func.sum(Payment.amount))
        .where(Payment.refunds_payment_id.in_(ids), Payment.state == PaymentState.SUCCEEDED)
        .group_by(Payment.refunds_payment_id)
    )
    returned = {payment_id: -amount for payment_id, amount in back}
    under_way = await db.execute(
        select(StripeIntent.payment_id, func.sum(StripeIntent.amount))
        .where(
            StripeIntent.payment_id.in_(ids),
            StripeIntent.kind == IntentKind.REFUND,
            StripeIntent.state.in_(UNSETTLED),
        )
        .group_by(StripeIntent.payment_id)
    )
    reserved = {payment_id: amount for payment_id, amount in under_way}  # noqa: C416 - rows are no tuples to mypy
    found = []
    for payment in payments:
        whole = payment.amount if payment.customer_id is None else payment.applied_amount
        left = whole - returned.get(payment.id, ZERO) - reserved.get(payment.id, ZERO)
        if left > ZERO:
            found.append(Refundable(payment, left))
    return found


async def get_refundable(db: AsyncSession, order_id: int, payment_id: int) -> Refundable:
    """One payment of an order with what is left of it; raises NotFound when nothing is."""
    order = await db.get_one(Order, order_id)
    for found in await list_refundable(db, order):
        if found.payment.id == payment_id:
            return found
    raise NotFound("There is nothing left of this payment to give back.")


async def prepare_refund(
    db: AsyncSession, order: Order, payment: Payment, amount: Decimal, *, by: Actor, reason: str = ""
) -> StripeIntent:
    """Reserve a refund of a card payment on a locked order, with the job that makes sure it is done."""
    intent = make_intent(
        IntentKind.REFUND,
        amount,
        parameters={
            "payment_intent": payment.provider_id,
            "amount": to_cents(amount),
            "reason": "requested_by_customer",
            "metadata": {"order_number": order.order_number, "note": reason[:400]},
        },
        by=by,
        order_id=order.id,
        customer_id=order.customer_id,
        payment_id=payment.id,
    )
    db.add(intent)
    await db.flush()
    await enqueue(db, REFUND_JOB, {"intent_id": intent.id}, after_seconds=_DOOR_SECONDS)
    return intent


async def prepare_order_refunds(db: AsyncSession, order: Order, *, by: Actor) -> Decimal:
    """Reserve refunds of all that Stripe took for a locked order; returns their sum."""
    total = ZERO
    for found in await list_refundable(db, order):
        if found.is_stripe:
            await prepare_refund(db, order, found.payment, found.left, by=by, reason="Order cancelled")
            total += found.left
    return total


async def apply_refund(
    db: AsyncSession,
    order: Order,
    payment: Payment,
    amount: Decimal,
    *,
    method: str,
    by: Actor,
    note: str = "",
    provider_id: str | None = None,
) -> Payment:
    """Write money given back as a negative payment; what was never applied to the order goes back first."""
    back = (
        await db.execute(
            select(func.coalesce(func.sum(Payment.amount - Payment.applied_amount), ZERO)).where(
                Payment.refunds_payment_id == payment.id, Payment.state == PaymentState.SUCCEEDED
            )
        )
    ).scalar_one()
    unapplied = payment.amount - payment.applied_amount + back if payment.customer_id is None else ZERO
    applied = max(amount - max(unapplied, ZERO), ZERO)
    row = Payment(
        order_id=order.id,
        customer_id=order.customer_id,
        refunds_payment_id=payment.id,
        method=method,
        amount=-amount,
        applied_amount=-applied,
        reference=provider_id or "",
        note=note,
        provider_id=provider_id,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_name=by.name,
    )
    db.add(row)
    order.amount_paid -= applied
    await db.flush()
    return row
