"""Records payments on an order: every payment is a row, and the order's `amount_paid` is their sum.

Payments never change `total_amount`. A part-paid order stays unpaid. A surplus becomes store credit; a guest's surplus
stays unapplied and needs attention.
"""

from decimal import Decimal

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import move_credit
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO, format_money
from domain.orders.attention import add_attention, drop_attention
from domain.orders.balance import calculate_unpaid
from domain.orders.hold import settle_hold
from domain.payments.withdraw import withdraw_later
from models import (
    CheckState,
    CreditEntry,
    CreditKind,
    Order,
    OrderStatus,
    PaperCheck,
    Payment,
    PaymentMethod,
    PaymentState,
    PaymentStatus,
)

_GIVEN_BACK = frozenset({PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED})
_PAID_OVER = "paid over by a guest, not applied yet."
_GONE_BEYOND = "went back beyond what the order held. If it had become store credit, take it off there."


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
    receipt_id: int | None = None,
) -> Decimal:
    """Record `amount` (US dollars) received for a locked order and return the surplus that became store credit.

    Marks the order paid if nothing is left, and lifts a hold that waited for the money. Other open payments for the
    previous balance are withdrawn.
    """
    applied = min(amount, calculate_unpaid(order))
    surplus = amount - applied
    payment = Payment(
        order_id=order.id,
        receipt_id=receipt_id,
        customer_id=order.customer_id,
        method=method,
        amount=amount,
        applied_amount=applied,
        reference=reference,
        provider_id=provider_id,
        note=note,
        **by.columns,
    )
    db.add(payment)
    order.amount_paid += applied
    if order.payment_status == PaymentStatus.FAILED or order.payment_status in _GIVEN_BACK:
        # New money has arrived, so the old status no longer applies; if something is left, the order is unpaid.
        order.payment_status = PaymentStatus.UNPAID
    settle_payment_status(order)
    await db.flush()
    if order.on_hold:
        await settle_hold(db, order, by=by)
    if applied:
        await withdraw_later(db, order)
    if order.status == OrderStatus.CANCELLED:
        # Stripe was faster than the cancellation: all of this money is refunded, and none becomes credit.
        return ZERO
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
        await show_unapplied(db, order)
    return ZERO


async def show_unapplied(db: AsyncSession, order: Order) -> None:
    """Set a locked order's attention to a difference between received and applied money.

    It is what was received but is neither applied nor credit, or what was given back beyond what was received.
    """
    drop_attention(order, _PAID_OVER)
    drop_attention(order, _GONE_BEYOND)
    rest = (
        await db.execute(
            select(func.coalesce(func.sum(Payment.amount - Payment.applied_amount), ZERO)).where(
                Payment.order_id == order.id, Payment.state == PaymentState.SUCCEEDED
            )
        )
    ).scalar_one()
    rest -= sum((await list_credited(db, Payment.order_id == order.id)).values(), ZERO)
    order.overpaid = max(rest, ZERO)
    if rest > ZERO:
        add_attention(order, f"{format_money(rest)} {_PAID_OVER}")
    elif rest < ZERO:
        add_attention(order, f"{format_money(-rest)} {_GONE_BEYOND}")


async def show_waiting_check(db: AsyncSession, order: Order) -> None:
    """Set a locked, unpaid order to pending review if photos of a check still wait for the office."""
    if order.payment_status == PaymentStatus.UNPAID:
        waiting = exists().where(PaperCheck.order_id == order.id, PaperCheck.state == CheckState.PENDING_REVIEW)
        if (await db.execute(select(waiting))).scalar_one():
            order.payment_status = PaymentStatus.PENDING_REVIEW


async def list_credited(db: AsyncSession, of: ColumnElement[bool]) -> dict[int, Decimal]:
    """Return how much of each of these payments became store credit, whichever customer the order now belongs to."""
    rows = await db.execute(
        select(CreditEntry.payment_id, func.sum(CreditEntry.amount))
        .join(Payment, Payment.id == CreditEntry.payment_id)
        .where(of, CreditEntry.kind == CreditKind.OVERPAYMENT)
        .group_by(CreditEntry.payment_id)
    )
    return {payment_id: amount for payment_id, amount in rows if payment_id is not None}


def settle_payment_status(order: Order) -> None:
    """Update the payment status from the amounts: paid if nothing is owed, which also ends a hold.

    A status that says that money was given back is kept while nothing is owed.
    """
    if calculate_unpaid(order) == ZERO:
        if order.payment_status not in _GIVEN_BACK:
            order.payment_status = PaymentStatus.PAID
        order.on_hold = False
        order.hold_reason = ""
    elif order.payment_status == PaymentStatus.PAID or (
        order.payment_status in _GIVEN_BACK and order.status != OrderStatus.CANCELLED
    ):
        order.payment_status = PaymentStatus.UNPAID
