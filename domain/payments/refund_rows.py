"""How much of a payment can still be given back, and the rows that reserve it.

Never more is given back than was received: refunds in progress count like finished ones, and both are read under the
lock on the order.
"""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.money import ZERO, format_money
from domain.orders.attention import add_attention, drop_attention
from domain.orders.balance import calculate_unpaid
from domain.orders.hold import settle_hold
from domain.payments.failed_refunds import drop_made_good
from domain.payments.give_back_credit import calculate_credit_used
from domain.payments.intents import AWAITING_ANSWER, UNSETTLED, make_intent
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
# A door that refunds during its own request finishes within this time; the job then has nothing left to do.
_DOOR_SECONDS = 20
_NOTHING_LEFT = "Nothing of this payment is left to give back."
_NOTE_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Refundable:
    """A payment and how much of it can still be given back, in US dollars. `provider_id` may be its receipt's.

    `waiting` is the amount that Stripe has been asked to give back and has not decided on; `credited` is the surplus
    that became store credit.
    """

    payment: Payment
    left: Decimal
    provider_id: str | None
    waiting: Decimal = ZERO
    credited: Decimal = ZERO

    @property
    def is_stripe(self) -> bool:
        """True if Stripe took the money and gives it back."""
        return (self.provider_id or "").startswith("pi_")


async def list_refundable(db: AsyncSession, order_id: int) -> list[Refundable]:
    """Return the payments of an order with what can be given back of each, newest first, without store credit.

    A surplus that became store credit can't be given back a second time.
    """
    return [found for found in await list_with_waiting(db, Payment.order_id == order_id) if found.left]


async def list_invoice_refundable(db: AsyncSession, invoice_id: int) -> list[Refundable]:
    """Like `list_refundable`, for an invoice without an order."""
    return [found for found in await list_with_waiting(db, Payment.invoice_id == invoice_id) if found.left]


async def list_with_waiting(db: AsyncSession, of: ColumnElement[bool]) -> list[Refundable]:
    """Return payments of which something can be given back or is being given back, newest first."""
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
    reserved = {payment_id: amount for payment_id, amount in under_way}  # noqa: C416 - mypy does not see rows as tuples
    credited = await list_credited(db, of)
    found = []
    for payment, provider_id in payments:
        gone = (amounts.get(payment.id, ZERO) for amounts in (credited, returned, reserved))
        left = max(payment.amount - sum(gone, ZERO), ZERO)
        waiting = reserved.get(payment.id, ZERO)
        if left or waiting:
            found.append(Refundable(payment, left, provider_id, waiting, credited.get(payment.id, ZERO)))
    return found


async def get_refundable(db: AsyncSession, order_id: int, payment_id: int) -> Refundable:
    """Return one payment of an order. Raises NotFound if nothing of it is left or is being given back."""
    return await _get_one(db, Payment.order_id == order_id, payment_id)


async def get_invoice_refundable(db: AsyncSession, invoice_id: int, payment_id: int) -> Refundable:
    """Like `get_refundable`, for an invoice without an order."""
    return await _get_one(db, Payment.invoice_id == invoice_id, payment_id)


async def _get_one(db: AsyncSession, of: ColumnElement[bool], payment_id: int) -> Refundable:
    for found in await list_with_waiting(db, and_(of, Payment.id == payment_id)):
        return found
    raise NotFound(_NOTHING_LEFT)


def choose_amount(found: Refundable, asked: Decimal) -> Decimal:
    """Return the amount to give back, in US dollars; an `asked` of 0 means all that is left.

    Raises NotFound if nothing is left, and Refused for more than is left.
    """
    if not found.left:
        raise NotFound(_NOTHING_LEFT)
    if asked > found.left:
        raise Refused(
            f"{format_money(found.left)} of this payment can be given back.",
            code=Code.MORE_THAN_PAID,
            refundable=float(found.left),
        )
    return asked or found.left


async def find_unanswered(
    db: AsyncSession, found: Refundable, asked: Decimal, *, why: GivenFor, reason: str
) -> StripeIntent | None:
    """Return the same refund of a locked payment if Stripe has not answered it: a repeat does not give back twice.

    `asked` is 0 for all that was left.
    """
    if not (asked or not found.left):
        return None
    metadata = StripeIntent.parameters["metadata"]
    statement = select(StripeIntent).where(
        StripeIntent.payment_id == found.payment.id,
        StripeIntent.kind == IntentKind.REFUND,
        StripeIntent.state.in_(AWAITING_ANSWER),
        StripeIntent.amount == asked if asked else true(),
        metadata["given_for"].astext == why,
        metadata["note"].astext == reason[:_NOTE_LENGTH],
    )
    return (await db.execute(statement.order_by(StripeIntent.id).limit(1))).scalar_one_or_none()


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
    """Reserve a refund of a card payment on a locked order, with a job that makes sure it is done."""
    intent = make_refund(found, amount, why=why, by=by, reason=reason, name={"order_number": order.order_number})
    intent.order_id = order.id
    return await reserve_refund(db, intent)


def make_refund(
    found: Refundable, amount: Decimal, *, why: GivenFor, by: Actor, reason: str, name: dict[str, str | None]
) -> StripeIntent:
    """Return the row for a refund of a card payment. `name` says in its metadata what had been paid."""
    return make_intent(
        IntentKind.REFUND,
        amount,
        parameters={
            "payment_intent": found.provider_id,
            "amount": to_cents(amount),
            "reason": "requested_by_customer",
            "metadata": name | {"note": reason[:_NOTE_LENGTH], "given_for": why},
        },
        by=by,
        customer_id=found.payment.customer_id,
        payment_id=found.payment.id,
    )


async def reserve_refund(db: AsyncSession, intent: StripeIntent) -> StripeIntent:
    """Add the row, with a job that makes sure the refund is done."""
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
    """Set on a locked, cancelled order's attention how much must be given back by hand; on any other order, nothing.

    It includes store credit used, if the account to which it would be returned no longer exists.
    """
    drop_attention(order, _TO_GIVE_BACK)
    if order.status != OrderStatus.CANCELLED:
        return
    left = sum([found.left for found in await list_refundable(db, order.id) if not found.is_stripe], ZERO)
    left += await calculate_credit_used(db, order)
    if left > ZERO:
        # This includes what was short, whose own sentence stays in case the order is reopened.
        in_all = " in all" if TO_GIVE_BACK_FOR_SHORT in order.attention else ""
        add_attention(order, f"{_TO_GIVE_BACK}{format_money(left)} to give back{in_all}.")


async def settle_refunded_status(db: AsyncSession, order: Order, *, by: Actor) -> None:
    """Update the payment status of a locked order after money was given back on it, or put back.

    After an allowance nothing is owed. After a reversal the order is unpaid, or in review if a check still waits; one
    on terms is held again if its customer's credit does not cover what is owed again.
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
    """Record money given back as a negative payment; the part that was never applied to the order goes back first.

    An allowance also reduces what is owed, so that the customer need not pay it again.

    Stripe may give back more than the order still has of the payment: it became credit before, or was both given back
    and lost in a dispute. The excess is not taken off the order, which then needs attention. Open payments for the
    previous balance are withdrawn.
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
    await drop_made_good(db, order)
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
    """Return the row for money given back of a payment, without adding it; the part never applied goes back first."""
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
    """Return by how much a row of money given back reduces what is owed, in US dollars.

    Money given back on a cancelled order does not: the amount is owed again if the order is reopened.
    """
    is_allowance = row.given_back == GivenBack.ALLOWANCE and row.given_for != GivenFor.CANCELLED
    return -row.applied_amount if is_allowance else ZERO
