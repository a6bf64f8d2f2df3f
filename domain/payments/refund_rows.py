"""How much of a payment can still be given back, and the rows that reserve it.

Never more goes back than came in: what is being given back counts like what is given back already, and both are read
under the lock on the order.
"""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.money import ZERO, format_money
from domain.orders.attention import add_attention, drop_attention
from domain.orders.balance import calculate_unpaid
from domain.orders.hold import settle_hold
from domain.payments.give_back_credit import calculate_credit_used
from domain.payments.intents import UNSETTLED, make_intent
from domain.payments.record import list_credited, show_unapplied, show_waiting_check
from domain.payments.withdraw import withdraw_later
from integrations.stripe_client import to_cents
from models import (
    GivenBack,
    GivenFor,
    IntentKind,
    Order,
    OrderStatus,
    Payment,
    PaymentMethod,
    PaymentState,
    PaymentStatus,
    Receipt,
    StripeIntent,
)

REFUND_JOB = "refund_payment"
_TO_GIVE_BACK = "Cancelled after payment: "
TO_GIVE_BACK_FOR_SHORT = " to give back for what was short."
# A door that refunds in its own answer is done within this; the job then finds nothing left to do.
_DOOR_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Refundable:
    """A payment with what can still be given back of it, US dollars; `provider_id` may be its receipt's."""

    payment: Payment
    left: Decimal
    provider_id: str | None

    @property
    def is_stripe(self) -> bool:
        """True when Stripe took the money and gives it back."""
        return (self.provider_id or "").startswith("pi_")


async def list_refundable(db: AsyncSession, order_id: int) -> list[Refundable]:
    """The payments of an order with what is left of each to give back, newest first; credit used is not among them.

    A surplus that became store credit is not given back a second time.
    """
    return await _list_refundable(db, Payment.order_id == order_id)


async def list_invoice_refundable(db: AsyncSession, invoice_id: int) -> list[Refundable]:
    """The same of an invoice that has no order."""
    return await _list_refundable(db, Payment.invoice_id == invoice_id)


async def _list_refundable(db: AsyncSession, of: ColumnElement[bool]) -> list[Refundable]:
    rows = await db.execute(
        select(Payment, func.coalesce(Payment.provider_id, Receipt.provider_id))
        .outerjoin(Receipt, Receipt.id == Payment.receipt_id)
        .where(
            of,
            Payment.amount > 0,
            Payment.state == PaymentState.SUCCEEDED,
            Payment.method != PaymentMethod.STORE_CREDIT,
        )
        .order_by(Payment.id.desc())
    )
    payments = [(row[0], row[1]) for row in rows]
    ids = [payment.id for payment, _ in payments]
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
    credited = await list_credited(db, of)
    found = []
    for payment, provider_id in payments:
        gone = (amounts.get(payment.id, ZERO) for amounts in (credited, returned, reserved))
        left = payment.amount - sum(gone, ZERO)
        if left > ZERO:
            found.append(Refundable(payment, left, provider_id))
    return found


async def get_refundable(db: AsyncSession, order_id: int, payment_id: int) -> Refundable:
    """One payment of an order with what is left of it; raises NotFound when nothing is."""
    for found in await list_refundable(db, order_id):
        if found.payment.id == payment_id:
            return found
    raise NotFound("There is nothing left of this payment to give back.")


async def prepare_refund(
    db: AsyncSession,
    order: Order,
    found: Refundable,
    amount: Decimal,
    *,
    why: GivenFor,
    by: Actor,
    reason: str = "",
) -> StripeIntent:
    """Reserve a refund of a card payment on a locked order, with the job that makes sure it is done."""
    intent = make_refund(found, amount, why=why, by=by, reason=reason, name={"order_number": order.order_number})
    intent.order_id = order.id
    return await reserve_refund(db, intent)


def make_refund(
    found: Refundable, amount: Decimal, *, why: GivenFor, by: Actor, reason: str, name: dict[str, str | None]
) -> StripeIntent:
    """The row for a refund of a card payment; `name` says in its metadata what had been paid."""
    return make_intent(
        IntentKind.REFUND,
        amount,
        parameters={
            "payment_intent": found.provider_id,
            "amount": to_cents(amount),
            "reason": "requested_by_customer",
            "metadata": name | {"note": reason[:400], "given_for": why},
        },
        by=by,
        customer_id=found.payment.customer_id,
        payment_id=found.payment.id,
    )


async def reserve_refund(db: AsyncSession, intent: StripeIntent) -> StripeIntent:
    """Keep the row with the job that makes sure it is done."""
    db.add(intent)
    await db.flush()
    await enqueue(db, REFUND_JOB, {"intent_id": intent.id}, after_seconds=_DOOR_SECONDS)
    return intent


async def prepare_order_refunds(db: AsyncSession, order: Order, *, by: Actor) -> None:
    """Reserve refunds of all that Stripe took for a locked order."""
    for found in await list_refundable(db, order.id):
        if found.is_stripe:
            await prepare_refund(db, order, found, found.left, why=GivenFor.CANCELLED, by=by, reason="Order cancelled")


async def show_left_to_give_back(db: AsyncSession, order: Order) -> None:
    """Say on a locked order that is cancelled what of its money goes back by hand; on any other, nothing.

    Used credit is among it where nobody has the account any more that it would go back to.
    """
    drop_attention(order, _TO_GIVE_BACK)
    if order.status != OrderStatus.CANCELLED:
        return
    left = sum([found.left for found in await list_refundable(db, order.id) if not found.is_stripe], ZERO)
    left += await calculate_credit_used(db, order)
    if left > ZERO:
        # What was short is among it, and its own sentence stays for an order that is reopened.
        in_all = " in all" if TO_GIVE_BACK_FOR_SHORT in order.attention else ""
        add_attention(order, f"{_TO_GIVE_BACK}{format_money(left)} to give back{in_all}.")


async def settle_refunded_status(db: AsyncSession, order: Order, *, by: Actor) -> None:
    """Make the payment status of a locked order follow what was given back on it, or was put back.

    An allowance leaves nothing owed; after a reversal the order is unpaid, or in review where a check still waits, and
    one on terms is held again where its customer's credit does not cover what is owed again.
    """
    await settle_hold(db, order, by=by)
    is_owed = calculate_unpaid(order) > ZERO
    allowed = exists().where(
        Payment.order_id == order.id,
        Payment.given_back == GivenBack.ALLOWANCE,
        Payment.refunds_payment_id.is_not(None),
        Payment.applied_amount < ZERO,
        Payment.state == PaymentState.SUCCEEDED,
    )
    is_allowed = (await db.execute(select(allowed))).scalar_one()
    if is_allowed and (order.status == OrderStatus.CANCELLED or not is_owed):
        is_all = order.amount_paid == ZERO
        order.payment_status = PaymentStatus.REFUNDED if is_all else PaymentStatus.PARTIALLY_REFUNDED
    elif is_owed:
        order.payment_status = PaymentStatus.UNPAID
        await show_waiting_check(db, order)
    else:
        order.payment_status = PaymentStatus.PAID


async def apply_refund(
    db: AsyncSession,
    order: Order,
    payment: Payment,
    amount: Decimal,
    *,
    method: str,
    why: GivenFor,
    by: Actor,
    note: str = "",
    provider_id: str | None = None,
) -> Payment:
    """Write money given back as a negative payment; what was never applied to the order goes back first.

    An allowance takes what it gives back off the claim, so that nobody is asked for it again.

    Stripe may give back more than the order still holds of the payment: what had become credit, or was given back and
    is lost to a dispute as well. That takes nothing more off the order, which needs attention then. Payments begun for
    the balance before are withdrawn.
    """
    row = await make_refund_row(
        db, payment, amount, customer_id=order.customer_id, method=method, why=why, by=by, note=note,
        provider_id=provider_id,
    )  # fmt: skip
    applied = -row.applied_amount
    db.add(row)
    order.amount_paid -= applied
    order.allowances += calculate_allowed(row)
    await db.flush()
    if applied:
        await withdraw_later(db, order)
    if applied < amount:
        await show_unapplied(db, order)
    return row


async def make_refund_row(
    db: AsyncSession,
    payment: Payment,
    amount: Decimal,
    *,
    customer_id: int | None,
    method: str,
    why: GivenFor,
    by: Actor,
    note: str,
    provider_id: str | None,
) -> Payment:
    """The row of money given back of a payment, not added yet: what of it was never applied goes back first."""
    sums = select(
        func.coalesce(-func.sum(Payment.amount), ZERO), func.coalesce(-func.sum(Payment.applied_amount), ZERO)
    ).where(Payment.refunds_payment_id == payment.id, Payment.state == PaymentState.SUCCEEDED)
    back, back_applied = (await db.execute(sums)).one()
    credited = (await list_credited(db, Payment.id == payment.id)).get(payment.id, ZERO)
    unapplied = payment.amount - payment.applied_amount - credited - (back - back_applied)
    applied = min(max(amount - max(unapplied, ZERO), ZERO), payment.applied_amount - back_applied)
    return Payment(
        order_id=payment.order_id,
        invoice_id=payment.invoice_id,
        customer_id=customer_id,
        refunds_payment_id=payment.id,
        given_back=why.kind,
        given_for=why,
        method=method,
        amount=-amount,
        applied_amount=-applied,
        reference=provider_id or "",
        note=note,
        provider_id=provider_id,
        **by.columns,
    )


def calculate_allowed(row: Payment) -> Decimal:
    """How much smaller the claim is by a row of money given back.

    What goes back on a cancelled order is no part of it: the claim lives again when the order is reopened.
    """
    is_allowance = row.given_back == GivenBack.ALLOWANCE and row.given_for != GivenFor.CANCELLED
    return -row.applied_amount if is_allowance else ZERO
