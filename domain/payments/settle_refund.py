"""What Stripe says of refunds and disputes, written down once however often and in whatever sequence it is said."""

from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.actor import SYSTEM, Actor
from domain.money import ZERO, format_money
from domain.orders.record import lock_order, record_event
from domain.orders.statuses import PaymentStatus
from domain.payments.intents import UNSETTLED, lock_intent, settle_intent
from domain.payments.record import calculate_balance
from domain.payments.refund_rows import apply_refund
from domain.payments.settle import find_payment_row
from integrations.stripe_client import StripeDispute, StripeRefund
from models import IntentKind, IntentState, Order, Payment, PaymentState, StripeIntent
from models.session import separate_transaction


async def settle_refund(refund: StripeRefund) -> IntentState | None:
    """Write down what became of a refund, ours or one made at Stripe; None when its payment is not ours.

    One that failed after it was done puts the money back on the order, which needs attention then.
    """
    async with separate_transaction() as db:
        order, payment = await _lock_paid_order(db, refund.payment_intent_id)
        if order is None or payment is None:
            return None
        intent = await _find_refund_intent(db, refund)
        row = await find_payment_row(db, refund.id)
        match refund.status:
            case "succeeded":
                state = IntentState.SUCCEEDED
                if row is None:
                    await _give_back(db, order, payment, refund, by=_who(intent))
            case "failed" | "canceled":
                state = IntentState.FAILED
                await _undo(db, order, row, refund, was_told=intent is not None and intent.state == state)
            case _:
                state = IntentState.PENDING
        if intent is not None:
            intent.provider_id = refund.id
            settle_intent(intent, state, error=refund.error)
        return state


async def settle_dispute(dispute: StripeDispute) -> None:
    """Show a dispute on its order; one that is lost takes the money off it, one that is won leaves it."""
    async with separate_transaction() as db:
        order, payment = await _lock_paid_order(db, dispute.payment_intent_id)
        if order is None or payment is None:
            return
        amount = format_money(dispute.amount)
        row = await find_payment_row(db, dispute.id)
        if dispute.status == "lost" and row is None:
            await apply_refund(
                db,
                order,
                payment,
                dispute.amount,
                method=payment.method,
                by=SYSTEM,
                note="Dispute lost",
                provider_id=dispute.id,
            )
            set_refunded_status(order)
            await _say(db, order, "dispute_lost", f"A dispute of {amount} was lost.", amount)
        elif dispute.status in {"won", "warning_closed"}:
            if row is not None and row.state == PaymentState.SUCCEEDED:
                await _put_back(db, order, row)
            if "dispute" in order.attention:
                order.attention = ""
                await record_event(db, order, "dispute_won", by=SYSTEM, changes={"amount": amount})
        elif dispute.status not in {"lost", "won"} and "dispute" not in order.attention:
            reason = dispute.reason.replace("_", " ") or "no reason given"
            await _say(db, order, "disputed", f"The cardholder disputes {amount} ({reason}): a dispute.", amount)


async def settle_refused_refund(intent_id: int, error: str) -> None:
    """Stripe will not give the money back: the order needs somebody, and what was reserved is free again."""
    async with separate_transaction() as db:
        found = (await db.execute(select(StripeIntent).where(StripeIntent.id == intent_id))).scalar_one()
        order = None
        if found.order_id is not None:
            order = await lock_order(db, found.order_id, visible_to=SYSTEM, with_customer=True)
        intent = await lock_intent(db, intent_id)
        if intent.state not in UNSETTLED:
            return
        settle_intent(intent, IntentState.FAILED, error=error)
        if order is not None:
            await _say_refused(db, order, intent.amount, error)


def set_refunded_status(order: Order) -> None:
    """The payment status of an order that money was given back on."""
    if calculate_balance(order) == ZERO:
        return
    order.payment_status = PaymentStatus.REFUNDED if order.amount_paid == ZERO else PaymentStatus.PARTIALLY_REFUNDED


async def _lock_paid_order(db: AsyncSession, payment_intent_id: str) -> tuple[Order | None, Payment | None]:
    payment = await find_payment_row(db, payment_intent_id)
    if payment is None:
        return None, None
    order = await lock_order(db, payment.order_id, visible_to=SYSTEM, with_customer=True)
    return order, payment


async def _find_refund_intent(db: AsyncSession, refund: StripeRefund) -> StripeIntent | None:
    found = (
        await db.execute(
            select(StripeIntent.id).where(
                StripeIntent.kind == IntentKind.REFUND,
                or_(
                    StripeIntent.provider_id == refund.id,
                    StripeIntent.idempotency_key == refund.metadata.get("intent_key", ""),
                ),
            )
        )
    ).scalar_one_or_none()
    return None if found is None else await lock_intent(db, found)


def _who(intent: StripeIntent | None) -> Actor:
    return Actor(SYSTEM.kind, name=intent.actor_name or SYSTEM.name) if intent else Actor(SYSTEM.kind, name="Stripe")


async def _give_back(db: AsyncSession, order: Order, payment: Payment, refund: StripeRefund, *, by: Actor) -> None:
    note = refund.metadata.get("note", "")
    await apply_refund(
        db, order, payment, refund.amount, method=payment.method, by=by, note=note, provider_id=refund.id
    )
    set_refunded_status(order)
    await record_event(db, order, "refunded", by=by, note=note, changes={"amount": format_money(refund.amount)})


async def _undo(db: AsyncSession, order: Order, row: Payment | None, refund: StripeRefund, *, was_told: bool) -> None:
    if row is not None and row.state == PaymentState.SUCCEEDED:
        await _put_back(db, order, row)
    elif was_told or row is not None:
        return
    await _say_refused(db, order, refund.amount, refund.error)


async def _put_back(db: AsyncSession, order: Order, row: Payment) -> None:
    """Money that was taken off the order is on it again."""
    row.state = PaymentState.FAILED
    order.amount_paid -= row.applied_amount
    if calculate_balance(order) == ZERO:
        order.payment_status = PaymentStatus.PAID
    else:
        order.payment_status = PaymentStatus.PARTIALLY_REFUNDED
    await db.flush()


async def _say_refused(db: AsyncSession, order: Order, amount: Decimal, error: str) -> None:
    sentence = f"The refund of {format_money(amount)} failed: {error or 'no reason given'}"
    await _say(db, order, "refund_failed", sentence, format_money(amount))


async def _say(db: AsyncSession, order: Order, kind: str, sentence: str, amount: str) -> None:
    order.attention = sentence
    await record_event(db, order, kind, by=SYSTEM, note=sentence, changes={"amount": amount})
