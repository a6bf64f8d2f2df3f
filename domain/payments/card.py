"""Card payments in the storefront's own form: creating the PaymentIntent, and confirming it with Stripe."""

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.idempotency import check_key, hash_request
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, KeyReused, NotFound, NotSignedIn, Refused
from domain.kernel.inputs import Filled60, Filled200, Input, MoneyIn, OptionalEmailIn, Text200
from domain.kernel.money import ZERO, format_money
from domain.orders.balance import calculate_balance
from domain.payments.ask import ask_payment, settle_with_refunds
from domain.payments.find_order import lock_named_order, lock_payable_order
from domain.payments.intents import UNPAID, expect_end, is_bank_working, lock_intent, make_intent, settle_intent
from domain.payments.settle import find_intent
from domain.payments.stripe_account import get_stripe, stripe_errors_as_refusals
from integrations.stripe_client import CURRENCY, NotThere, StripePayment, fetch_payment, to_cents
from models import IntentKind, IntentState, Order, OrderStatus, StripeIntent
from models.session import separate_transaction
from settings import Settings

SMALLEST = Decimal("0.50")
LARGEST_WITHOUT_ORDER = Decimal("10000.00")
METHODS = ["card", "us_bank_account"]
_PAYMENT_INTENT = re.compile(r"pi_[A-Za-z0-9_]{3,120}")
_KEY_KEPT = timedelta(hours=24)
_UNKNOWN = "We do not know this payment."


class CreateIntent(Input):
    """What is to be paid. With an order, the amount must be its balance."""

    amount: MoneyIn
    order_number: Filled60 | None = None
    customer_name: Text200 | None = None
    customer_email: OptionalEmailIn = None


class ConfirmPayment(Input):
    """The payment that the browser says it made, and its order."""

    order_number: Filled60
    payment_intent_id: Filled200


@dataclass(frozen=True, slots=True)
class ConfirmedPayment:
    """An order and what is still to be paid after a payment that Stripe has taken for it (`left`, in US dollars)."""

    order_number: str
    left: Decimal

    @property
    def sentence(self) -> str:
        """The sentence shown to the payer."""
        if self.left > ZERO:
            return f"We have your payment. {format_money(self.left)} of order {self.order_number} is still open."
        return f"Order {self.order_number} is paid. Thank you."


@dataclass(frozen=True, slots=True)
class CreatedIntent:
    """The data that the browser needs to pay."""

    client_secret: str
    payment_intent_id: str
    is_replay: bool


async def create_payment_intent(
    data: CreateIntent, *, by: Actor, caller: str, client_key: str | None, settings: Settings
) -> CreatedIntent:
    """Create a PaymentIntent, or return the open one for the same order and amount.

    The intent is committed before Stripe is called. Raises Refused if the amount is not the order's balance or a bank
    payment is pending, NotSignedIn for a guest without an order, and OutsideServiceFailed if Stripe does not answer.
    """
    account = get_stripe(settings)
    if data.order_number is None:
        _check_orderless(data, by)
    elif data.amount < SMALLEST:
        raise InvalidInput("Card payments start at $0.50.", fields={"amount": "must be at least 0.50"})
    request_hash = hash_request(repr(data).encode())
    try:
        intent, is_replay = await _prepare(data, by, caller, client_key, request_hash)
    except IntegrityError:
        # A concurrent request created the open intent of this order; now it can be found.
        intent, is_replay = await _prepare(data, by, caller, client_key, request_hash)
    with stripe_errors_as_refusals():
        payment = await ask_payment(intent, account)
    return CreatedIntent(payment.client_secret, payment.id, is_replay)


def _check_orderless(data: CreateIntent, by: Actor) -> None:
    if not by.is_customer:
        raise NotSignedIn("Sign in first, or name the order to pay.")
    if not SMALLEST <= data.amount <= LARGEST_WITHOUT_ORDER:
        raise InvalidInput(
            "Without an order, $0.50 to $10,000.00 can be paid.",
            fields={"amount": "must be between 0.50 and 10000.00"},
        )


async def _prepare(
    data: CreateIntent, by: Actor, caller: str, client_key: str | None, request_hash: str
) -> tuple[StripeIntent, bool]:
    """Commit the intent with its key, or find the existing one for this request."""
    async with separate_transaction() as db:
        if client_key is not None:
            kept = await _find_by_client_key(db, caller, check_key(client_key), request_hash)
            if kept is not None:
                return kept, True
        order = None
        if data.order_number is not None:
            order = await lock_payable_order(db, data.order_number, visible_to=by)
            _check_amount(order, data.amount)
            await _check_bank(db, order)
            if (open_one := await _find_open(db, order, data.amount)) is not None:
                return open_one, False
        intent = make_intent(
            IntentKind.CARD,
            data.amount,
            parameters=_parameters(data, order),
            by=by,
            order_id=order.id if order else None,
            customer_id=order.customer_id if order else by.id,
            caller=caller,
            client_key=client_key or "",
            request_hash=request_hash,
        )
        db.add(intent)
        await db.flush()
        return intent, False


async def _find_by_client_key(db: AsyncSession, caller: str, key: str, request_hash: str) -> StripeIntent | None:
    """Return the intent made with this caller's key within a day. A concurrent request with the same key waits here."""
    await db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 1))"), {"key": f"{caller}\x01{key}"})
    kept = (
        await db.execute(
            select(StripeIntent)
            .where(
                StripeIntent.caller == caller,
                StripeIntent.client_key == key,
                StripeIntent.created_at > now() - _KEY_KEPT,
                # One that Stripe refused was never made; only successful answers are repeated.
                StripeIntent.state != IntentState.FAILED,
            )
            .order_by(StripeIntent.id.desc())
            .limit(1)
        )
    ).scalar_one_or_none()
    if kept is not None and kept.request_hash != request_hash:
        raise KeyReused("This Idempotency-Key was used for a different request. Send a new key.")
    return kept


def _check_amount(order: Order, amount: Decimal) -> None:
    balance = calculate_balance(order)
    if amount != balance:
        raise Refused(
            f"The order's balance is {format_money(balance)}; pay that.",
            code=Code.AMOUNT_DIFFERS,
            balance=float(balance),
        )


async def _check_bank(db: AsyncSession, order: Order) -> None:
    """Raise Refused while a bank payment is pending, so that the customer does not pay twice."""
    if (await db.execute(select(is_bank_working(order.id)))).scalar_one():
        raise Refused("The bank is still working on a payment of this order.", code=Code.PAYMENT_PROCESSING)


async def _find_open(db: AsyncSession, order: Order, amount: Decimal) -> StripeIntent | None:
    return (
        await db.execute(
            select(StripeIntent).where(
                StripeIntent.order_id == order.id,
                StripeIntent.amount == amount,
                StripeIntent.kind == IntentKind.CARD,
                StripeIntent.state.in_(UNPAID),
            )
        )
    ).scalar_one_or_none()


def _parameters(data: CreateIntent, order: Order | None) -> dict[str, object]:
    email = data.customer_email or (order.delivery_email if order else None)
    parameters: dict[str, object] = {
        "amount": to_cents(data.amount),
        "currency": CURRENCY,
        "allowed_payment_method_types": METHODS,
        "metadata": {"order_number": order.order_number} if order else {},
    }
    if order is not None:
        parameters["description"] = f"Order {order.order_number}"
    elif data.customer_name:
        parameters["description"] = f"Payment by {data.customer_name}"
    if email:
        parameters["receipt_email"] = email
    return parameters


async def confirm_payment(data: ConfirmPayment, *, by: Actor, settings: Settings) -> ConfirmedPayment:
    """Mark an order paid if Stripe says that this payment succeeded and belongs to it. Safe to repeat.

    Raises InvalidInput for text that is no payment's id, NotFound for an unknown payment, and Refused for one that is
    not finished, belongs to another order, or is for a cancelled order, whose money is refunded.
    """
    account = get_stripe(settings)
    if not _PAYMENT_INTENT.fullmatch(data.payment_intent_id):
        raise InvalidInput(
            "That is not a Stripe payment.", fields={"payment_intent_id": "must be an id like pi_3Nabc…"}
        )
    async with separate_transaction() as db:
        await lock_named_order(db, data.order_number, visible_to=by)
        await expect_end(db, data.payment_intent_id)
    with stripe_errors_as_refusals():
        try:
            payment = await fetch_payment(account, data.payment_intent_id)
        except NotThere:
            raise NotFound(_UNKNOWN) from None
        await _attach(payment, data.order_number, by=by)
        await settle_with_refunds(payment, account)
    if payment.status == "processing":
        raise Refused("The bank is still working on it. We will email you.", code=Code.PAYMENT_PROCESSING)
    if payment.status != "succeeded":
        raise Refused(payment.error or "The payment is not finished yet.", code=Code.PAYMENT_NOT_FINISHED)
    async with separate_transaction() as db:
        order = await lock_named_order(db, data.order_number, visible_to=by)
        if order.status == OrderStatus.CANCELLED:
            raise Refused("The order is cancelled, so this payment will be refunded.", code=Code.ORDER_CANCELLED)
        return ConfirmedPayment(order.order_number, calculate_balance(order))


async def _attach(payment: StripePayment, order_number: str, *, by: Actor) -> None:
    """Check that the payment is for the order; links one that was made before the order."""
    async with separate_transaction() as db:
        order = await lock_named_order(db, order_number, visible_to=by)
        found = await find_intent(db, payment)
        if found is None:
            raise NotFound(_UNKNOWN)
        intent = await lock_intent(db, found.id)
        if intent.amount != payment.amount or payment.currency != CURRENCY:
            raise Refused("The payment's amount differs from the order's.", code=Code.PAYMENT_MISMATCH)
        is_paid = payment.status in {"succeeded", "processing"}
        if intent.order_id is None and intent.settled_at is None and is_paid and _fits(intent, order, by):
            # Until it is settled on the order, the reconciler asks about it again, so that a crash in between loses
            # nothing.
            intent.order_id = order.id
            settle_intent(intent, IntentState.PENDING)
        if intent.order_id != order.id:
            raise Refused("The payment is for another order.", code=Code.PAYMENT_MISMATCH)


def _fits(intent: StripeIntent, order: Order, by: Actor) -> bool:
    """Return True if a customer pays their own order with what they paid before placing it."""
    same_customer = intent.customer_id is not None and intent.customer_id == order.customer_id == by.id
    return same_customer and by.is_customer and intent.amount == calculate_balance(order)
