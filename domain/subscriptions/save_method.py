"""Saves a card or a bank account on Stripe's own page, opened from a customer's link, with all that follows from it.

The intent is committed with its key before Stripe is asked, so that a lost answer or event can be requested again.
"""

import calendar
from datetime import date, timedelta
from typing import Any

from sqlalchemy import false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.owner import lock_owner
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.kernel.clock import business_today, now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.money import ZERO
from domain.orders.business import current_business
from domain.payments.ask import ask_checkout
from domain.payments.charges import saves_methods
from domain.payments.intents import UNPAID, expect_end, lock_intent, make_intent, settle_intent
from domain.payments.stripe_account import get_stripe, stripe_errors_as_refusals
from domain.subscriptions.enrol import find_subscription, note_change
from domain.subscriptions.failures import RETRY_AFTER_DAYS
from domain.subscriptions.setup_intent import find_at_stripe
from integrations.stripe_saved import FinishedSetup, SavedMethod
from models import (
    AuditAction,
    Customer,
    IntentKind,
    IntentState,
    SavedPayment,
    StripeIntent,
    Subscription,
    SubscriptionStatus,
)
from models.session import current_database, separate_transaction
from settings import Settings

RENEW_ONE_JOB = "renew_one"
_LASTS = timedelta(hours=24)
_WAITING = {"processing", "requires_action", "requires_confirmation"}


async def open_setup_page(subscription_id: int, *, settings: Settings) -> str:
    """Return the URL of Stripe's page where the customer saves a payment method; the same one while it is open.

    Raises NotFound, Refused for a cancelled subscription, and OutsideServiceFailed if Stripe does not answer.
    """
    account = get_stripe(settings)
    async with current_database().session() as db:
        subscription = await find_subscription(db, subscription_id, visible_to=SYSTEM)
        _check_open(subscription)
        customer = (await db.execute(select(Customer).where(Customer.id == subscription.customer_id))).scalar_one()
    with stripe_errors_as_refusals():
        stripe_id = subscription.stripe_customer_id or await find_at_stripe(customer, account)
        session = await ask_checkout(await _prepare(subscription_id, stripe_id, settings), account)
    if not session.url:
        raise Refused("Your card is already saved. Reload the page.", code=Code.CHECKOUT_CLOSED)
    return session.url


async def ask_about_setup(subscription_id: int, *, settings: Settings) -> None:
    """Ask Stripe what was saved, when the customer returns from its page."""
    async with current_database().session() as db:
        rows = await db.execute(_setups_of(subscription_id).where(StripeIntent.provider_id.is_not(None)))
        intents = list(rows.scalars())
    account = get_stripe(settings)
    with stripe_errors_as_refusals():
        for intent in intents:
            assert intent.provider_id is not None  # guaranteed by the query
            async with separate_transaction() as db:
                await expect_end(db, intent.provider_id)
            await ask_checkout(intent, account)


def _setups_of(subscription_id: int) -> Any:
    return (
        select(StripeIntent)
        .where(
            StripeIntent.kind == IntentKind.SETUP,
            StripeIntent.state.in_((*UNPAID, IntentState.PENDING)),
            StripeIntent.parameters["metadata"]["subscription"].as_string() == str(subscription_id),
        )
        .order_by(StripeIntent.id.desc())
    )


async def _prepare(subscription_id: int, stripe_customer_id: str, settings: Settings) -> StripeIntent:
    """Commit the intent with its key, or find the open one. The subscription's lock prevents a second one."""
    async with separate_transaction() as db:
        subscription = await find_subscription(db, subscription_id, visible_to=SYSTEM, lock=True)
        _check_open(subscription)
        fresh = _setups_of(subscription_id).where(StripeIntent.created_at > now() - _LASTS / 2)
        if (found := (await db.execute(fresh.limit(1))).scalar_one_or_none()) is not None:
            open_one: StripeIntent = found
            return open_one
        intent = make_intent(
            IntentKind.SETUP,
            ZERO,
            parameters={"metadata": {"subscription": str(subscription_id)}},
            by=Actor(ActorKind.GUEST, name=subscription.delivery_company or subscription.delivery_name),
            customer_id=subscription.customer_id,
        )
        intent.parameters = _parameters(stripe_customer_id, intent.parameters["metadata"], settings)
        db.add(intent)
        await db.flush()
        return intent


def _parameters(stripe_customer_id: str, metadata: dict[str, str], settings: Settings) -> dict[str, Any]:
    back = f"{settings.public_url.rstrip('/')}/pay/back"
    return {
        "mode": "setup",
        "customer": stripe_customer_id,
        "allowed_payment_method_types": ["card", "us_bank_account"],
        "payment_method_options": {"us_bank_account": {"verification_method": "automatic"}},
        "metadata": metadata,
        "setup_intent_data": {"metadata": metadata},
        "success_url": f"{back}?paid=1",
        "cancel_url": back,
        "expires_at": int((now() + _LASTS - timedelta(minutes=5)).timestamp()),
    }


def _check_open(subscription: Subscription) -> None:
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Refused("The subscription is cancelled and can't be changed.", code=Code.STATE_NOT_ALLOWED, allowed=[])


@saves_methods
async def keep_method(intent_id: int, setup: FinishedSetup) -> None:
    """Record what was saved, once: the customer's subscriptions with the old payment method now use the new one.

    Renewals that failed because of the old method are retried at once, and a subscription that waited for its first
    card begins.
    """
    async with separate_transaction() as db:
        asked = (await db.execute(select(StripeIntent).where(StripeIntent.id == intent_id))).scalar_one()
        subscription_id = int(asked.parameters["metadata"]["subscription"])
        locked = await _lock_paid_alike(db, subscription_id)
        intent = await lock_intent(db, intent_id)
        if intent.state in {IntentState.SUCCEEDED, IntentState.FAILED}:
            return
        if setup.method is None or not locked:
            is_waiting = setup.status in _WAITING and bool(locked)
            error = "" if is_waiting else "No payment method was saved."
            settle_intent(intent, IntentState.PENDING if is_waiting else IntentState.FAILED, error=error)
            return
        settle_intent(intent, IntentState.SUCCEEDED)
        by = Actor(ActorKind.GUEST, name=intent.actor_name)
        for subscription in locked:
            subscription.stripe_customer_id = setup.customer_id or subscription.stripe_customer_id
            await _use_method(db, subscription, setup.method, by=by)


async def _lock_paid_alike(db: AsyncSession, subscription_id: int) -> list[Subscription]:
    """Return the subscription and the customer's others with the same method; locks the customer, then them by id."""
    owner = await lock_owner(db, select(Subscription.customer_id).where(Subscription.id == subscription_id))
    found = await db.get(Subscription, subscription_id, populate_existing=True)
    if found is None:
        return []
    alike = Subscription.stripe_payment_method_id == found.stripe_payment_method_id
    wanted = select(Subscription).where(
        Subscription.customer_id == owner,
        Subscription.status != SubscriptionStatus.CANCELLED,
        or_(Subscription.id == subscription_id, alike if found.stripe_payment_method_id else false()),
    )
    locked = wanted.order_by(Subscription.id).with_for_update().execution_options(populate_existing=True)
    return list((await db.execute(locked)).scalars())


async def _use_method(db: AsyncSession, subscription: Subscription, method: SavedMethod, *, by: Actor) -> None:
    today = business_today(current_business().timezone)
    is_first = not subscription.stripe_payment_method_id
    rested = subscription.status == SubscriptionStatus.PAUSED and subscription.failures > len(RETRY_AFTER_DAYS)
    had_failed = subscription.failures > 0
    subscription.stripe_payment_method_id = method.id
    subscription.payment_type = SavedPayment.ACH if method.is_bank else SavedPayment.CARD
    describe_method(subscription, method)
    if is_first or rested:
        subscription.status, subscription.resume_on = SubscriptionStatus.ACTIVE, None
    if is_first:
        subscription.next_renewal_date = max(subscription.next_renewal_date, today)
    if had_failed:
        subscription.failures, subscription.retry_on = 0, today
        await enqueue(db, RENEW_ONE_JOB, {"subscription_id": subscription.id})
    subscription.updated_at = now()
    subscription.version += 1
    await db.flush()
    action = AuditAction.SUBSCRIPTION_PAYMENT_SAVED
    await note_change(db, subscription, action, by=by, after={"pays_by": subscription.pays_by})


def describe_method(subscription: Subscription, method: SavedMethod) -> None:
    """Store the name and the expiry of the payment method."""
    what = "Bank account" if method.is_bank else method.brand.replace("_", " ").title() or "Card"
    subscription.pays_by, subscription.pays_by_id = f"{what} ending {method.last4}", method.id
    subscription.payment_expires_on = None
    if method.expires is not None:
        year, month = method.expires
        subscription.payment_expires_on = date(year, month, calendar.monthrange(year, month)[1])
