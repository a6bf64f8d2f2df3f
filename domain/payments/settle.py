"""The common end of all ways to pay: one function records money for a locked order, once for each of Stripe's ids.

Stripe's answers are settled here too. Each settlement has its own transaction and locks customer, order and intent, in
this order. The same answers, repeated or in any order, result in the same rows.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.money import ZERO, format_money
from domain.orders.attention import add_attention
from domain.orders.balance import calculate_balance
from domain.orders.record import lock_order, record_event
from domain.payments.charges import settle_charge
from domain.payments.intents import CHARGING, lock_intent, settle_intent
from domain.payments.record import add_payment
from domain.payments.refund_rows import prepare_order_refunds
from integrations.stripe_client import CURRENCY, StripePayment
from models import (
    IntentKind,
    IntentState,
    Order,
    OrderEventKind,
    OrderStatus,
    Payment,
    PaymentMethod,
    PaymentStatus,
    StripeIntent,
)
from models.session import current_database, separate_transaction


async def settle_payment(
    db: AsyncSession,
    order: Order,
    amount: Decimal,
    *,
    method: PaymentMethod,
    by: Actor,
    note: str = "",
    reference: str = "",
    provider_id: str | None = None,
    receipt_id: int | None = None,
) -> Decimal | None:
    """Record money (US dollars) received for an order that is locked with its customer.

    Returns the surplus that became store credit; None if the payment was already recorded.
    """
    if provider_id is not None and await find_payment_row(db, provider_id) is not None:
        return None
    balance = calculate_balance(order)
    changes: dict[str, Any] = {"amount": format_money(amount)}
    surplus = await add_payment(
        db,
        order,
        amount,
        method=method,
        by=by,
        note=note,
        reference=reference,
        provider_id=provider_id,
        receipt_id=receipt_id,
    )
    if ZERO < balance <= amount:
        changes["method_before"] = order.payment_method
        order.payment_method = method
    await record_event(db, order, OrderEventKind.PAID, by=by, note=note, changes=changes)
    return surplus


async def find_payment_row(db: AsyncSession, provider_id: str) -> Payment | None:
    """Return the payment, refund or dispute stored with one of Stripe's ids, or None."""
    return (await db.execute(select(Payment).where(Payment.provider_id == provider_id))).scalar_one_or_none()


async def find_intent(db: AsyncSession, payment: StripePayment) -> StripeIntent | None:
    """Return our row for a payment at Stripe, by its id or by our key in its metadata; None if it is not ours."""
    key = payment.metadata.get("intent_key", "")
    return (
        await db.execute(
            select(StripeIntent)
            .where(
                StripeIntent.kind.in_(CHARGING),
                or_(
                    StripeIntent.provider_id == payment.id,
                    StripeIntent.payment_intent_id == payment.id,
                    StripeIntent.idempotency_key == key,
                ),
            )
            # Metadata can be copied at Stripe; an id can't.
            .order_by(StripeIntent.idempotency_key == key)
            .limit(1)
        )
    ).scalar_one_or_none()


async def settle_stripe_payment(payment: StripePayment) -> IntentState | None:
    """Record Stripe's state of a payment. Returns None if it is not ours."""
    async with current_database().session() as db:
        found = await find_intent(db, payment)
    if found is None:
        return None
    if found.kind in {IntentKind.RENEWAL, IntentKind.INVOICE}:
        return await settle_charge(found.kind, found.id, payment)
    async with separate_transaction() as db:
        order = None
        if found.order_id is not None:
            order = await lock_order(db, found.order_id, visible_to=SYSTEM, with_customer=True)
        intent = await lock_intent(db, found.id)
        if order is None and intent.order_id is not None:
            # It was linked to an order since it was found, and is settled there.
            return IntentState(intent.state)
        if payment.currency != CURRENCY:
            if order is not None and payment.status == "succeeded":
                add_attention(order, f"Stripe took {payment.id} in {payment.currency.upper()}, which is not counted.")
            return IntentState(intent.state)
        if intent.kind == IntentKind.CHECKOUT:
            intent.payment_intent_id = payment.id
        elif intent.provider_id is None:
            intent.provider_id = payment.id
        before = intent.state
        if payment.status == "succeeded":
            return await _settle_taken(db, intent, order, payment)
        is_over = before == IntentState.FAILED and intent.kind == IntentKind.CHECKOUT
        if before not in {IntentState.SUCCEEDED, IntentState.CANCELLED} and not is_over:
            await _settle_unpaid(db, intent, order, payment)
        return IntentState(intent.state)


async def _settle_taken(
    db: AsyncSession, intent: StripeIntent, order: Order | None, payment: StripePayment
) -> IntentState:
    before, settled_at = intent.state, intent.settled_at
    settle_intent(intent, IntentState.SUCCEEDED)
    if order is not None:
        await settle_succeeded(db, order, payment, by=_payer(intent))
    elif before != IntentState.SUCCEEDED or settled_at is None:
        # Money without an order waits for the order that its customer is about to place; once it is credit, it stays
        # credit.
        intent.settled_at = None
    return IntentState.SUCCEEDED


async def settle_succeeded(db: AsyncSession, order: Order, payment: StripePayment, *, by: Actor) -> None:
    """Record a payment that Stripe has taken; one for a cancelled order is refunded at once."""
    settled = await settle_payment(
        db,
        order,
        payment.received,
        method=PaymentMethod(payment.method),
        by=by,
        reference=payment.id,
        provider_id=payment.id,
    )
    if settled is not None and order.status == OrderStatus.CANCELLED:
        await prepare_order_refunds(db, order, by=SYSTEM)


async def _settle_unpaid(db: AsyncSession, intent: StripeIntent, order: Order | None, payment: StripePayment) -> None:
    """Settle a pending bank payment, a declined card, or a cancelled payment."""
    before = intent.state
    match payment.status:
        case "processing":
            settle_intent(intent, IntentState.PENDING)
        case "canceled":
            settle_intent(intent, IntentState.CANCELLED)
        case _ if intent.kind == IntentKind.CHECKOUT and before == IntentState.PENDING and payment.error:
            # A checkout whose bank payment failed is over; the customer opens another.
            settle_intent(intent, IntentState.FAILED, error=payment.error)
        case _:
            settle_intent(intent, IntentState.OPEN, error=payment.error)
    if order is None:
        return
    if payment.error and payment.status == "requires_payment_method":
        if order.payment_status == PaymentStatus.UNPAID and calculate_balance(order) > ZERO:
            order.payment_status = PaymentStatus.FAILED
            await record_event(db, order, OrderEventKind.PAYMENT_FAILED, by=SYSTEM, note=payment.error)
    elif payment.status == "processing" and before != IntentState.PENDING:
        if order.payment_status == PaymentStatus.FAILED:
            order.payment_status = PaymentStatus.UNPAID
        await record_event(
            db, order, OrderEventKind.PAYMENT_PENDING, by=SYSTEM, changes={"amount": format_money(payment.amount)}
        )


def _payer(intent: StripeIntent) -> Actor:
    """Return who began the payment, as timelines name them."""
    return Actor(SYSTEM.kind, name=intent.actor_name or SYSTEM.name)
