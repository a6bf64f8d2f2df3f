"""Asks Stripe about one of our intents: does what is not done yet, and records the result.

This is the only place that calls Stripe for an intent; a door uses it right after committing the intent, and the
reconciler later. No transaction is open during the call. A lost answer leaves the intent unknown.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import exists, select

from domain.kernel.clock import now
from domain.orders.balance import calculate_balance
from domain.payments.charges import save_method, settle_charge, why_not_charged
from domain.payments.intents import (
    AWAITING_ANSWER,
    KEYS_LAST,
    PAYING,
    UNPAID,
    UNSETTLED,
    lock_intent,
    note_made,
    note_still_open,
    record_no_answer,
    settle_intent,
)
from domain.payments.settle import settle_stripe_payment
from domain.payments.settle_refund import settle_refund, settle_refused_refund
from integrations.errors import ServiceFailed
from integrations.stripe_client import (
    Busy,
    StripeAccount,
    StripePayment,
    StripeRefund,
    StripeRefused,
    StripeSession,
    cancel_payment,
    charge_saved,
    create_payment,
    create_refund,
    create_session,
    expire_session,
    fetch_payment,
    fetch_refund,
    fetch_session,
    find_payment,
    list_refunds,
)
from integrations.stripe_saved import fetch_setup
from models import IntentKind, IntentState, Invoice, InvoiceCheckout, Order, OrderStatus, StripeIntent
from models.session import current_database, separate_transaction

_UNHEARD_OF = "Stripe does not know it."
_UNCONFIRMED = {"requires_confirmation", "requires_action"}
_WAITING = {"requires_payment_method", *_UNCONFIRMED}
_WANTS_ITS_OWNER = "The bank requires the customer to confirm the charge."
# A customer who has not paid by then does not come back to the same payment.
_ABANDONED = timedelta(days=7)


async def ask_stripe(intent: StripeIntent, account: StripeAccount) -> None:
    """Bring one intent of any kind up to date with Stripe. Raises ServiceFailed if Stripe fails or refuses."""
    match intent.kind:
        case IntentKind.CARD:
            await ask_payment(intent, account)
        case IntentKind.CHECKOUT | IntentKind.INVOICE | IntentKind.SETUP:
            await ask_checkout(intent, account)
        case IntentKind.RENEWAL:
            await ask_charge(intent, account)
        case _:
            await ask_refund(intent, account)


async def ask_payment(intent: StripeIntent, account: StripeAccount) -> StripePayment:
    """Return the PaymentIntent of a row; creates it if it does not exist yet."""
    async with _noting_failures(intent):
        if intent.provider_id is not None:
            payment = await fetch_payment(account, intent.provider_id)
        else:
            payment = await _make_payment(intent, account)
            await note_made(intent, payment.id)
            if intent.state == IntentState.UNKNOWN:
                # A repeated key returns the first answer again, whatever has happened since.
                payment = await fetch_payment(account, payment.id)
        if payment.status not in _WAITING or payment.error:
            await settle_with_refunds(payment, account)
        else:
            await note_still_open(intent)
    return payment


async def ask_charge(intent: StripeIntent, account: StripeAccount) -> StripePayment:
    """Return the charge of a saved payment method; makes it if it does not exist yet. A decline is a normal answer."""
    async with _noting_failures(intent):
        if intent.provider_id is not None:
            payment = await fetch_payment(account, intent.provider_id)
        else:
            payment = await _make_payment(intent, account)
            if intent.state == IntentState.UNKNOWN:
                # A repeated key returns the first answer again, whatever has happened since.
                payment = await fetch_payment(account, payment.id)
        if payment.status in _UNCONFIRMED:
            payment = await _withdraw_unconfirmed(payment, account)
        await settle_with_refunds(payment, account)
    return payment


async def _withdraw_unconfirmed(payment: StripePayment, account: StripeAccount) -> StripePayment:
    """Cancel a charge that the customer must confirm: the next attempt is a new charge, and both could succeed."""
    try:
        withdrawn = await cancel_payment(account, payment.id)
    except StripeRefused:
        # It was confirmed in the meantime.
        return await fetch_payment(account, payment.id)
    return replace(withdrawn, error=withdrawn.error or _WANTS_ITS_OWNER)


async def settle_with_refunds(payment: StripePayment, account: StripeAccount) -> IntentState | None:
    """Record a payment and all its refunds, also those made at Stripe itself. Returns None if it is not ours."""
    state = await settle_stripe_payment(payment)
    if state is not None and payment.refunded:
        await settle_refunds(payment.id, account)
    return state


async def settle_refunds(payment_intent_id: str, account: StripeAccount) -> None:
    """Record every refund of a payment."""
    for refund in await list_refunds(account, payment_intent_id):
        await settle_refund(refund)


async def ask_checkout(intent: StripeIntent, account: StripeAccount) -> StripeSession:
    """Return the Checkout Session of a row; opens it if it does not exist yet."""
    async with _noting_failures(intent):
        if intent.provider_id is not None:
            session = await fetch_session(account, intent.provider_id)
        elif now() - intent.created_at < KEYS_LAST:
            session = await create_session(account, intent.parameters, key=intent.idempotency_key)
            await note_made(intent, session.id, url=session.url, expires_at=session.expires_at)
            if intent.state == IntentState.UNKNOWN:
                session = await fetch_session(account, session.id)
        else:
            # A checkout lasts at most a day, so one that was never found is over.
            raise StripeRefused(_UNHEARD_OF)
        await settle_session(session, intent_id=intent.id, account=account)
        if session.status == "open":
            await note_still_open(intent)
    return session


async def settle_session(session: StripeSession, *, intent_id: int, account: StripeAccount) -> None:
    """Record the result of a checkout; its payment is requested separately."""
    payment = None
    async with separate_transaction() as db:
        intent = await lock_intent(db, intent_id)
        # If an event arrives before the answer to our own request, it brings the ids.
        intent.provider_id = intent.provider_id or session.id
        intent.payment_intent_id = session.payment_intent_id or intent.payment_intent_id
    if session.status == "complete" and session.setup_intent_id is not None:
        await save_method(intent_id, await fetch_setup(account, session.setup_intent_id))
        return
    if session.payment_intent_id is not None:
        payment = await fetch_payment(account, session.payment_intent_id)
        await settle_with_refunds(payment, account)
    async with separate_transaction() as db:
        intent = await lock_intent(db, intent_id)
        if session.status == "expired" and intent.state in UNSETTLED:
            settle_intent(intent, IntentState.CANCELLED)
        elif session.status == "complete" and payment is not None and intent.state in UNPAID:
            # Stripe's page is finished: the bank payment failed, or it waits for the bank's micro-deposits.
            bounced = payment.status == "requires_payment_method"
            settle_intent(intent, IntentState.FAILED if bounced else IntentState.PENDING, error=payment.error)


async def ask_refund(intent: StripeIntent, account: StripeAccount) -> StripeRefund:
    """Return the refund of a row; makes it if it does not exist yet."""
    async with _noting_failures(intent):
        if intent.provider_id is not None:
            refund = await fetch_refund(account, intent.provider_id)
        else:
            refund = await _make_refund(intent, account)
        await settle_refund(refund)
    return refund


async def withdraw_if_stale(intent: StripeIntent, account: StripeAccount) -> bool:
    """Cancel a payment that must not be made any more. Returns True if it was cancelled.

    Its order is cancelled, or its balance has changed.
    """
    if intent.kind not in PAYING or intent.state != IntentState.OPEN or intent.provider_id is None:
        return False
    if not await _is_stale(intent):
        return False
    async with _noting_failures(intent, keep_refusals=True):
        try:
            if intent.kind == IntentKind.CARD:
                await settle_stripe_payment(await cancel_payment(account, intent.provider_id))
            else:
                session = await expire_session(account, intent.provider_id)
                await settle_session(session, intent_id=intent.id, account=account)
        except StripeRefused:
            # It was paid in the meantime; then the payment is recorded.
            await ask_stripe(intent, account)
    return True


async def _is_stale(intent: StripeIntent) -> bool:
    if now() - intent.created_at > _ABANDONED:
        return True
    if intent.kind == IntentKind.INVOICE:
        return await _has_stale_invoice(intent)
    if intent.order_id is None:
        # Only customers can pay before an order; if the customer was deleted, the payment belongs to no one.
        return intent.customer_id is None
    async with current_database().session() as db:
        order = await db.get(Order, intent.order_id)
    return order is None or order.status == OrderStatus.CANCELLED or calculate_balance(order) != intent.amount


async def _has_stale_invoice(intent: StripeIntent) -> bool:
    """Return True if the balance of one of a checkout's invoices has changed; that of a void one is 0."""
    changed = exists().where(
        InvoiceCheckout.intent_id == intent.id,
        Invoice.id == InvoiceCheckout.invoice_id,
        Invoice.balance != InvoiceCheckout.amount,
    )
    async with current_database().session() as db:
        return bool((await db.execute(select(changed))).scalar_one())


async def _make_payment(intent: StripeIntent, account: StripeAccount) -> StripePayment:
    """Make the payment, or find the one that was already made.

    One that was stopped while Stripe did not answer is not charged any more, only looked for.
    """
    stopped = await why_not_charged(intent.kind, intent.id)
    if not stopped and now() - intent.created_at < KEYS_LAST:
        make = charge_saved if intent.kind == IntentKind.RENEWAL else create_payment
        return await make(account, intent.parameters, key=intent.idempotency_key)
    found = await find_payment(account, key=intent.idempotency_key, since=intent.created_at)
    if found is None:
        raise StripeRefused(stopped or _UNHEARD_OF)
    return found


async def _make_refund(intent: StripeIntent, account: StripeAccount) -> StripeRefund:
    if intent.state == IntentState.UNKNOWN:
        for refund in await list_refunds(account, intent.parameters["payment_intent"]):
            if refund.metadata.get("intent_key") == intent.idempotency_key:
                return refund
    if now() - intent.created_at >= KEYS_LAST:
        raise StripeRefused(_UNHEARD_OF)
    return await create_refund(account, intent.parameters, key=intent.idempotency_key)


@asynccontextmanager
async def _noting_failures(intent: StripeIntent, *, keep_refusals: bool = False) -> AsyncIterator[None]:
    """Record an error on the row before it is raised to the caller."""
    try:
        yield
    except StripeRefused as error:
        if not keep_refusals:
            await _note_refused(intent, str(error))
        raise
    except Busy as error:
        await record_no_answer(intent, str(error), wait_seconds=error.wait_seconds)
        raise
    except ServiceFailed as error:
        await record_no_answer(intent, str(error))
        raise


async def _note_refused(intent: StripeIntent, error: str) -> None:
    if intent.kind == IntentKind.REFUND:
        await settle_refused_refund(intent.id, error)
        return
    if intent.kind == IntentKind.RENEWAL:
        await settle_charge(intent.kind, intent.id, None, error)
        return
    async with separate_transaction() as db:
        locked = await lock_intent(db, intent.id)
        if locked.state in AWAITING_ANSWER:
            settle_intent(locked, IntentState.FAILED, error=error)
