"""Records Stripe's refunds and disputes once, however often and in whatever order they are reported."""

from decimal import Decimal

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.money import format_money
from domain.orders.attention import add_attention, drop_attention
from domain.orders.record import lock_order, record_event
from domain.payments.charges import receipts
from domain.payments.failed_refunds import describe_failed_refund
from domain.payments.intents import UNSETTLED, lock_intent, read_intent, settle_intent
from domain.payments.record import show_unapplied
from domain.payments.refund_rows import apply_refund, calculate_allowed, settle_refunded_status
from domain.payments.settle import find_payment_row
from domain.payments.withdraw import withdraw_later
from integrations.stripe_client import StripeDispute, StripeRefund
from models import (
    GivenFor,
    IntentKind,
    IntentState,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderStatus,
    Payment,
    PaymentState,
    Receipt,
    StripeIntent,
)
from models.session import current_database, separate_transaction


async def settle_refund(refund: StripeRefund) -> IntentState | None:
    """Record the result of a refund, ours or one made at Stripe. Returns None if its payment is not ours.

    A refund that fails after it was done puts the money back on the order, which then needs attention.
    """
    if await _is_receipt(refund.payment_intent_id):
        return await receipts().refund(refund)
    async with separate_transaction() as db:
        order, payment = await _lock_paid_order(db, refund.payment_intent_id)
        if order is None or payment is None:
            return None
        intent = await find_refund_intent(db, refund)
        row = await find_payment_row(db, refund.id)
        match refund.status:
            case "succeeded":
                state = IntentState.SUCCEEDED
                if row is None:
                    await _give_back(db, order, payment, refund, why=_why(order, intent), by=refunder(intent))
            case "failed" | "canceled":
                state = IntentState.FAILED
                await _undo(db, order, payment, row, refund, why=_why(order, intent), by=refunder(intent))
            case _:
                state = IntentState.PENDING
        if intent is not None:
            intent.provider_id = refund.id
            settle_intent(intent, state, error=refund.error)
        return state


async def settle_dispute(dispute: StripeDispute) -> None:
    """Show a dispute on its order. A lost one takes the money off the order; one that is won leaves it."""
    if await _is_receipt(dispute.payment_intent_id):
        await receipts().dispute(dispute)
        return
    async with separate_transaction() as db:
        order, payment = await _lock_paid_order(db, dispute.payment_intent_id)
        if order is None or payment is None:
            return
        row = await find_payment_row(db, dispute.id)
        if dispute.status == "lost":
            if row is None:
                await _lose(db, order, payment, dispute)
        elif dispute.status in {"won", "warning_closed"}:
            if row is not None and row.state == PaymentState.SUCCEEDED:
                await put_back_on_order(db, order, row)
            if drop_attention(order, describe_dispute(dispute)):
                await _record_dispute(db, order, OrderEventKind.DISPUTE_WON, dispute)
        elif not await _is_on_timeline(db, order, dispute):
            reason = dispute.reason.replace("_", " ") or "no reason given"
            sentence = f"{describe_dispute(dispute)} ({reason}): a dispute."
            add_attention(order, sentence)
            await _record_dispute(db, order, OrderEventKind.DISPUTED, dispute, sentence)


async def _lose(db: AsyncSession, order: Order, payment: Payment, dispute: StripeDispute) -> None:
    """Take the money of a lost dispute off the order."""
    await apply_refund(
        db,
        order,
        payment,
        dispute.amount,
        method=payment.method,
        why=GivenFor.DISPUTED,
        by=SYSTEM,
        note="Dispute lost",
        provider_id=dispute.id,
    )
    await settle_refunded_status(db, order, by=SYSTEM)
    drop_attention(order, describe_dispute(dispute))
    sentence = f"A dispute of {format_money(dispute.amount)} was lost."
    add_attention(order, sentence)
    await _record_dispute(db, order, OrderEventKind.DISPUTE_LOST, dispute, sentence)


def describe_dispute(dispute: StripeDispute) -> str:
    """Return the beginning of the sentence about an undecided dispute."""
    return f"The cardholder disputes {format_money(dispute.amount)}"


async def _is_on_timeline(db: AsyncSession, order: Order, dispute: StripeDispute) -> bool:
    """Return True if the order's timeline mentions the dispute, whatever its state now."""
    recorded = exists().where(OrderEvent.order_id == order.id, OrderEvent.changes["dispute_id"].astext == dispute.id)
    found: bool = (await db.execute(select(recorded))).scalar_one()
    return found


async def _record_dispute(
    db: AsyncSession, order: Order, kind: OrderEventKind, dispute: StripeDispute, note: str = ""
) -> None:
    changes = {"amount": format_money(dispute.amount), "dispute_id": dispute.id}
    await record_event(db, order, kind, by=SYSTEM, note=note, changes=changes)


async def settle_refused_refund(intent_id: int, error: str) -> None:
    """Record that Stripe refuses a refund: the order needs attention, and the reserved amount is free again."""
    found = await read_intent(intent_id)
    if found.order_id is None and found.payment_id is not None:
        await receipts().refused(intent_id, error)
        return
    async with separate_transaction() as db:
        order = None
        if found.order_id is not None:
            order = await lock_order(db, found.order_id, visible_to=SYSTEM, with_customer=True)
        intent = await lock_intent(db, intent_id)
        if intent.state not in UNSETTLED:
            return
        settle_intent(intent, IntentState.FAILED, error=error)
        if order is not None:
            await _say_refused(db, order, intent.amount, error)


async def _is_receipt(payment_intent_id: str) -> bool:
    """Return True for money that paid invoices; the invoices area knows which."""
    async with current_database().session() as db:
        return bool(await db.scalar(select(exists().where(Receipt.provider_id == payment_intent_id))))


async def _lock_paid_order(db: AsyncSession, payment_intent_id: str) -> tuple[Order | None, Payment | None]:
    payment = await find_payment_row(db, payment_intent_id)
    if payment is None or payment.order_id is None:
        return None, None
    order = await lock_order(db, payment.order_id, visible_to=SYSTEM, with_customer=True)
    return order, payment


async def find_refund_intent(db: AsyncSession, refund: StripeRefund) -> StripeIntent | None:
    """Return our row for a refund, locked; None for one made at Stripe itself."""
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


def refunder(intent: StripeIntent | None) -> Actor:
    """Return who gave money back, as timelines name them."""
    return Actor(SYSTEM.kind, name=intent.actor_name or SYSTEM.name) if intent else Actor(SYSTEM.kind, name="Stripe")


def _why(order: Order, intent: StripeIntent | None) -> GivenFor:
    """Return the reason of a refund: as stated here; one made at Stripe itself is an allowance."""
    usual = GivenFor.CANCELLED if order.status == OrderStatus.CANCELLED else GivenFor.GOODWILL
    return GivenFor(intent.parameters["metadata"].get("given_for", usual)) if intent else usual


async def _give_back(
    db: AsyncSession, order: Order, payment: Payment, refund: StripeRefund, *, why: GivenFor, by: Actor
) -> None:
    note = refund.metadata.get("note", "")
    await apply_refund(
        db, order, payment, refund.amount, method=payment.method, why=why, by=by, note=note, provider_id=refund.id
    )
    await settle_refunded_status(db, order, by=by)
    await record_event(
        db, order, OrderEventKind.REFUNDED, by=by, note=note, changes={"amount": format_money(refund.amount)}
    )


async def _undo(
    db: AsyncSession,
    order: Order,
    payment: Payment,
    row: Payment | None,
    refund: StripeRefund,
    *,
    why: GivenFor,
    by: Actor,
) -> None:
    """Record that a refund failed: its row says so, and that it was recorded."""
    if row is None:
        db.add(_make_failed_row(order, payment, refund, why, by))
    elif row.state == PaymentState.SUCCEEDED:
        await put_back_on_order(db, order, row)
    else:
        return
    await _say_refused(db, order, refund.amount, refund.error)


def _make_failed_row(order: Order, payment: Payment, refund: StripeRefund, why: GivenFor, by: Actor) -> Payment:
    return Payment(
        order_id=order.id,
        customer_id=order.customer_id,
        refunds_payment_id=payment.id,
        given_back=why.kind,
        given_for=why,
        method=payment.method,
        state=PaymentState.FAILED,
        amount=-refund.amount,
        reference=refund.id,
        note=refund.metadata.get("note", ""),
        provider_id=refund.id,
        **by.columns,
    )


async def put_back_on_order(db: AsyncSession, order: Order, row: Payment) -> None:
    """Put money that was taken off the order back on it."""
    row.state = PaymentState.FAILED
    order.amount_paid -= row.applied_amount
    order.allowances -= calculate_allowed(row)
    await db.flush()
    await settle_refunded_status(db, order, by=SYSTEM)
    await show_unapplied(db, order)
    await withdraw_later(db, order)


async def _say_refused(db: AsyncSession, order: Order, amount: Decimal, error: str) -> None:
    sentence = describe_failed_refund(amount, error)
    add_attention(order, sentence)
    await record_event(
        db, order, OrderEventKind.REFUND_FAILED, by=SYSTEM, note=sentence, changes={"amount": format_money(amount)}
    )
