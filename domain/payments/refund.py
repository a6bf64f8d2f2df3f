"""Gives money back: through Stripe if it came through Stripe, otherwise by hand, or as store credit."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pydantic import field_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.credit.ledger import move_credit
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Filled2000, Input, MoneyIn
from domain.kernel.money import ZERO, format_money
from domain.orders.attention import add_attention
from domain.orders.record import lock_order, record_event
from domain.payments.ask import ask_refund
from domain.payments.credit_back import SPENT, take_credit_back
from domain.payments.intents import read_intent
from domain.payments.refund_rows import (
    Refundable,
    apply_refund,
    choose_amount,
    find_unanswered,
    get_refundable,
    prepare_refund,
    settle_refunded_status,
    show_left_to_give_back,
)
from domain.payments.stripe_account import get_stripe, stripe_errors_as_refusals
from integrations.errors import ServiceFailed
from models import (
    CreditKind,
    GivenBack,
    GivenFor,
    IntentKind,
    IntentState,
    Order,
    OrderEventKind,
    OrderStatus,
    PaymentMethod,
    StripeIntent,
)
from models.session import current_database, separate_transaction
from settings import Settings

_MEMO_NUMBER = re.compile(r"CM-[0-9]{6,}")


class RefundWay(StrEnum):
    """How the money is given back."""

    AS_PAID = "as_paid"
    STORE_CREDIT = "store_credit"


class RefundPayment(Input):
    """How much of one payment to give back and why; without an amount, all that is left of it.

    `given_for` decides whether the customer owes it again: they do after a mistake, a bounced payment or a lost
    dispute, and otherwise not. Money given back on a cancelled order counts as given back for the cancellation.
    """

    # An amount that a client lost must not give back the whole payment.
    NULL_IS_ABSENT = False

    amount: MoneyIn = ZERO
    how: RefundWay = RefundWay.AS_PAID
    given_for: GivenFor
    reason: Filled2000

    @field_validator("amount")
    @classmethod
    def _is_an_amount(cls, amount: Decimal) -> Decimal:
        # Only a missing amount means all: somebody who types 0 does not mean the whole payment.
        if not amount:
            raise bad_field("must be more than 0")
        return amount

    @field_validator("reason")
    @classmethod
    def _says_more_than_a_memo(cls, reason: str) -> str:
        # Rows whose note is a credit memo's number belong to that memo, in the journal and everywhere else.
        if _MEMO_NUMBER.fullmatch(reason):
            raise bad_field("is the number of a credit memo; give a reason in words")
        return reason


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """Stripe's state of a refund, as far as it is known. `error` is None if nothing went wrong."""

    refund_id: str | None
    amount: Decimal
    status: str | None
    error: str | None
    given_back: GivenBack = GivenBack.ALLOWANCE


async def refund_payment(
    order_id: int, payment_id: int, data: RefundPayment, *, by: Actor, settings: Settings, version: int | None = None
) -> RefundOutcome:
    """Give a payment back, in full or in part, and return the result.

    Three parts: the intent is committed, Stripe is asked without an open transaction, and its answer is recorded.
    The same refund repeated while Stripe has not answered continues the first one. Reversing all of a payment made by
    hand also takes back the store credit that its surplus became. Raises NotFound if nothing is left
    of the payment, Refused for more than is left, InvalidInput for a reversal or a guest's money as store credit, and
    OutsideServiceFailed if Stripe refuses or does not answer.
    """
    require(by, Right.REFUND_PAYMENTS, "Your role does not give money back.")
    async with separate_transaction() as db:
        order = await lock_order(db, order_id, visible_to=by, version=version, with_customer=True)
        found = await get_refundable(db, order_id, payment_id)
        why = _choose_why(order, data)
        if not (found.is_stripe and data.how is RefundWay.AS_PAID):
            amount = choose_amount(found, data.amount)
            taken, spent = await take_credit_back(db, found, amount, why=why, by=by)
            amount += taken
            await _refund_here(db, order, found, amount, data, why=why, by=by)
            if spent:
                add_attention(order, f"{format_money(spent)} {SPENT}")
            return RefundOutcome(None, amount, "succeeded", None, why.kind)
        get_stripe(settings)
        intent = await find_unanswered(db, found, data.amount, why=why, reason=data.reason)
        if intent is None:
            amount = choose_amount(found, data.amount)
            intent = await prepare_refund(db, order, found, amount, why=why, by=by, reason=data.reason)
    with stripe_errors_as_refusals():
        refund = await ask_refund(intent, get_stripe(settings))
    return RefundOutcome(refund.id, refund.amount, refund.status, None, why.kind)


def _choose_why(order: Order, data: RefundPayment) -> GivenFor:
    """Return the reason for giving the money back. Raises InvalidInput for a reversal as store credit."""
    if data.given_for.kind is GivenBack.REVERSAL and data.how is RefundWay.STORE_CREDIT:
        raise InvalidInput(
            "A reversed payment can't become credit: the customer owes it again.",
            fields={"how": "must be as_paid for a mistake or a bounced payment"},
        )
    is_cancelled = order.status == OrderStatus.CANCELLED and data.given_for.kind is GivenBack.ALLOWANCE
    return GivenFor.CANCELLED if is_cancelled else data.given_for


async def _refund_here(
    db: AsyncSession,
    order: Order,
    found: Refundable,
    amount: Decimal,
    data: RefundPayment,
    *,
    why: GivenFor,
    by: Actor,
) -> None:
    """Record money given back by hand or as store credit: one transaction, no outside service."""
    if data.how is RefundWay.STORE_CREDIT and order.customer_id is None:
        raise InvalidInput("A guest has no store credit.", fields={"how": "must be as_paid for a guest's order"})
    as_credit = data.how is RefundWay.STORE_CREDIT
    method = PaymentMethod.STORE_CREDIT if as_credit else PaymentMethod(found.payment.method)
    row = await apply_refund(db, order, found.payment, amount, method=method, why=why, by=by, note=data.reason)
    if as_credit and order.customer_id is not None:
        await move_credit(
            db,
            order.customer_id,
            amount,
            kind=CreditKind.REFUND,
            by=by,
            note=f"Given back on {order.order_number}",
            order_id=order.id,
            payment_id=row.id,
        )
    await settle_refunded_status(db, order, by=by)
    await show_left_to_give_back(db, order)
    kind = OrderEventKind.REVERSED if why.kind is GivenBack.REVERSAL else OrderEventKind.REFUNDED
    await record_event(db, order, kind, by=by, note=data.reason, changes={"amount": format_money(amount)})


async def send_refund(intent_id: int, settings: Settings) -> StripeIntent:
    """Make a prepared refund at Stripe; does nothing if it is already done."""
    intent = await read_intent(intent_id)
    if intent.state in {IntentState.INTENDED, IntentState.UNKNOWN}:
        await ask_refund(intent, get_stripe(settings))
    return await read_intent(intent_id)


async def send_order_refunds(order_id: int, settings: Settings) -> RefundOutcome | None:
    """Make the refunds at Stripe that cancelling an order has prepared. Returns None if there are none.

    Never raises because of Stripe: the order is cancelled whatever Stripe answers.
    """
    async with current_database().session() as db:
        rows = await db.execute(
            select(StripeIntent.id)
            .where(
                StripeIntent.order_id == order_id,
                StripeIntent.kind == IntentKind.REFUND,
                StripeIntent.state == IntentState.INTENDED,
            )
            .order_by(StripeIntent.id)
        )
        intent_ids = list(rows.scalars())
    if not intent_ids:
        return None
    outcomes = [await _try_refund(intent_id, settings) for intent_id in intent_ids]
    errors = [outcome.error for outcome in outcomes if outcome.error]
    statuses = {outcome.status for outcome in outcomes}
    return RefundOutcome(
        refund_id=next((outcome.refund_id for outcome in outcomes if outcome.refund_id), None),
        amount=sum((outcome.amount for outcome in outcomes), ZERO),
        status=statuses.pop() if len(statuses) == 1 else "mixed",
        error="; ".join(errors) or None,
    )


async def _try_refund(intent_id: int, settings: Settings) -> RefundOutcome:
    error = None
    if settings.stripe_secret_key:
        try:
            await send_refund(intent_id, settings)
        except ServiceFailed as failure:
            error = str(failure)
    else:
        error = "The setting STRIPE_SECRET_KEY is missing."
    intent = await read_intent(intent_id)
    return RefundOutcome(intent.provider_id, intent.amount, str(intent.state), error)
