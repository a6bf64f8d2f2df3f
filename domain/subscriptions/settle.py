"""Records Stripe's results of a renewal's charge: the order, or the failure with its stock returned.

Each result is settled in one transaction that locks customer, subscription, order, renewal, intent and product, in this
order. The same results, repeated or in any order, leave the same rows.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import move_credit
from domain.credit.owner import lock_owner
from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.clock import business_today, now
from domain.orders.attention import add_attention
from domain.orders.business import current_business
from domain.orders.record import lock_order, record_event
from domain.orders.statuses import OPEN_STATUSES
from domain.payments.charges import settles, stops
from domain.payments.intents import lock_intent, settle_intent
from domain.payments.record import settle_payment_status
from domain.payments.settle import settle_succeeded
from domain.stock.stock import change_stock, return_held_stock
from domain.subscriptions.dates import choose_next_date
from domain.subscriptions.failures import plan_payment_retry
from domain.subscriptions.order import BANK_WORKS, write_renewal_order
from domain.warehouse.label_rows import show_labels_to_void
from integrations.stripe_client import CURRENCY, StripePayment
from models import (
    CreditKind,
    IntentKind,
    IntentState,
    Order,
    OrderEventKind,
    OrderStatus,
    PaymentStatus,
    Renewal,
    RenewalStatus,
    StockReason,
    StripeIntent,
    Subscription,
    SubscriptionStatus,
)
from models.session import current_database, raw_connection, separate_transaction

_OVER = (IntentState.SUCCEEDED, IntentState.FAILED)


@dataclass(slots=True)
class _Locked:
    """The records of a charge, locked in this transaction."""

    db: AsyncSession
    subscription: Subscription
    renewal: Renewal
    order: Order | None
    intent: StripeIntent

    @property
    def by(self) -> Actor:
        """Who began it, as timelines name them."""
        return Actor(SYSTEM.kind, name=self.intent.actor_name or SYSTEM.name)


@settles(IntentKind.RENEWAL)
async def settle_renewal(intent_id: int, payment: StripePayment | None, error: str) -> IntentState:
    """Record Stripe's result on the renewal, once: `payment`, or the `error` of a charge that was never made."""
    async with separate_transaction() as db:
        found = (await db.execute(select(Renewal).where(Renewal.intent_id == intent_id))).scalar_one_or_none()
        if found is None:
            return await _settle_alone(db, intent_id, payment, error)
        subscription = await _lock_subscription(db, found.subscription_id)
        # An order written in the meantime by a concurrent process is visible now.
        renewal = await _read_renewal(db, found.id)
        order = None
        if renewal.order_id is not None:
            order = await lock_order(db, renewal.order_id, visible_to=SYSTEM)
        intent = await lock_intent(db, intent_id)
        at = _Locked(db, subscription, renewal, order, intent)
        if payment is not None:
            if payment.currency != CURRENCY:
                return IntentState(intent.state)
            intent.provider_id = intent.provider_id or payment.id
            renewal.payment_intent_id = payment.id
        match payment.status if payment is not None else "":
            case "succeeded":
                assert payment is not None  # guaranteed by the match
                await _succeed(at, payment)
            case "processing":
                await _wait_for_bank(at)
            case _:
                # A charge that was never made, because its subscription was stopped, was not declined by a bank.
                was_stopped = payment is None and subscription.status != SubscriptionStatus.ACTIVE
                await _fail(at, _say(payment, error), was_stopped=was_stopped)
        await db.flush()
        return IntentState(intent.state)


@stops(IntentKind.RENEWAL)
async def why_not_renewed(intent_id: int) -> str:
    """Return why a renewal must not be charged: its subscription was cancelled, paused or deleted; empty if it may."""
    statement = select(Subscription.status).join(Renewal, Renewal.subscription_id == Subscription.id)
    async with current_database().session() as db:
        status = await db.scalar(statement.where(Renewal.intent_id == intent_id))
    if status == SubscriptionStatus.ACTIVE:
        return ""
    return f"The subscription was {status or 'deleted'} before it was charged."


async def _lock_subscription(db: AsyncSession, subscription_id: int) -> Subscription:
    await lock_owner(db, select(Subscription.customer_id).where(Subscription.id == subscription_id))
    statement = select(Subscription).where(Subscription.id == subscription_id).with_for_update()
    return (await db.execute(statement.execution_options(populate_existing=True))).scalar_one()


async def _read_renewal(db: AsyncSession, renewal_id: int) -> Renewal:
    statement = select(Renewal).where(Renewal.id == renewal_id).with_for_update()
    return (await db.execute(statement.execution_options(populate_existing=True))).scalar_one()


async def _settle_alone(db: AsyncSession, intent_id: int, payment: StripePayment | None, error: str) -> IntentState:
    """The subscription was deleted with its renewals: record Stripe's result only on the intent."""
    intent = await lock_intent(db, intent_id)
    states = {"succeeded": IntentState.SUCCEEDED, "processing": IntentState.PENDING}
    state = states.get(payment.status if payment else "", IntentState.FAILED)
    if intent.state != IntentState.SUCCEEDED:
        settle_intent(intent, state, error=_say(payment, error))
    return IntentState(intent.state)


async def _succeed(at: _Locked, payment: StripePayment) -> None:
    was_settled = at.intent.state == IntentState.SUCCEEDED
    settle_intent(at.intent, IntentState.SUCCEEDED)
    if at.order is None and at.renewal.status == RenewalStatus.PROCESSING:
        at.order = await write_renewal_order(at.db, at.subscription, at.renewal, by=at.by)
        _advance(at.subscription, at.renewal, at.intent)
    if at.order is not None:
        at.intent.order_id = at.order.id
        await settle_succeeded(at.db, at.order, payment, by=at.by)
        if at.renewal.status == RenewalStatus.PROCESSING:
            at.renewal.status, at.renewal.settled_at = RenewalStatus.SUCCEEDED, now()
    elif not was_settled:
        # The renewal had already failed for good, so the money belongs to the customer.
        note = f"Charge {payment.id} of a renewal that had failed"
        owner = at.subscription.customer_id
        await move_credit(at.db, owner, payment.received, kind=CreditKind.OVERPAYMENT, by=SYSTEM, note=note)


async def _wait_for_bank(at: _Locked) -> None:
    if at.intent.state in _OVER:
        # A report older than the recorded one.
        return
    settle_intent(at.intent, IntentState.PENDING)
    if at.order is None and at.renewal.status == RenewalStatus.PROCESSING:
        order = await write_renewal_order(at.db, at.subscription, at.renewal, by=at.by, hold_reason=BANK_WORKS)
        at.intent.order_id = order.id
        _advance(at.subscription, at.renewal, at.intent)


async def _fail(at: _Locked, error: str, *, was_stopped: bool = False) -> None:
    if at.intent.state in _OVER:
        return
    settle_intent(at.intent, IntentState.FAILED, error=error)
    renewal, subscription = at.renewal, at.subscription
    if renewal.status != RenewalStatus.PROCESSING:
        return
    renewal.status, renewal.error, renewal.settled_at = RenewalStatus.FAILED, error, now()
    if at.order is not None:
        await _cancel(at.db, at.order, error)
        if not await _has_newer(at.db, renewal):
            _set_back(subscription, renewal)
    if renewal.holds_stock:
        renewal.holds_stock = False
        await change_stock(
            await raw_connection(at.db),
            {renewal.product_id: renewal.quantity},
            reason=StockReason.RENEWAL_RETURNED,
            by=SYSTEM,
            note=f"Renewal {renewal.id}",
        )
    if not was_stopped:
        await plan_payment_retry(at.db, subscription, renewal, today=_read_day(at.intent))


async def _cancel(db: AsyncSession, order: Order, error: str) -> None:
    """The bank did not pay: cancel the order and return its goods, unless they were shipped or it is cancelled."""
    if order.status == OrderStatus.CANCELLED:
        return
    if order.status not in OPEN_STATUSES:
        order.payment_status = PaymentStatus.FAILED
        add_attention(order, "The bank did not pay, and the goods have shipped.")
        await record_event(db, order, OrderEventKind.PAYMENT_FAILED, by=SYSTEM, note=error)
        return
    moved_from = order.status
    order.status, order.cancelled_at = OrderStatus.CANCELLED, now()
    order.on_hold, order.hold_reason = False, ""
    order.payment_status = PaymentStatus.FAILED
    settle_payment_status(order)
    await show_labels_to_void(db, order)
    await record_event(
        db, order, OrderEventKind.MOVED, by=SYSTEM, note=error, moved_from=moved_from, moved_to=OrderStatus.CANCELLED
    )
    await return_held_stock(await raw_connection(db), order.id, reason=StockReason.ORDER_CANCELLED, by=SYSTEM)


async def _has_newer(db: AsyncSession, renewal: Renewal) -> bool:
    newer = select(Renewal.id).where(Renewal.subscription_id == renewal.subscription_id, Renewal.id > renewal.id)
    return (await db.execute(newer.limit(1))).first() is not None


def _advance(subscription: Subscription, renewal: Renewal, intent: StripeIntent) -> None:
    """Move the subscription on to its next date."""
    counted_from = subscription.rhythm_from or renewal.due_date
    coming = choose_next_date(counted_from, subscription.interval_days, renewed_on=_read_day(intent))
    renewal.moved_from, renewal.moved_to = subscription.next_renewal_date, coming
    renewal.rhythm_from, subscription.rhythm_from = subscription.rhythm_from, None
    if renewal.product_id == subscription.substitute_id:
        subscription.substitute_id, subscription.substitute_agreed = None, False
    subscription.next_renewal_date, subscription.retry_on, subscription.failures = coming, None, 0
    subscription.updated_at = now()
    subscription.version += 1


def _set_back(subscription: Subscription, renewal: Renewal) -> None:
    """The bank took days to decline: the renewal is due as before, unless the date was changed in the meantime."""
    if renewal.moved_to not in (None, subscription.next_renewal_date):
        return
    # Renewals of earlier releases only stored the day on which they were due.
    subscription.next_renewal_date = renewal.moved_from or renewal.due_date
    subscription.rhythm_from = renewal.rhythm_from
    if renewal.product_id != subscription.product_id and subscription.substitute_id is None:
        subscription.substitute_id, subscription.substitute_agreed = renewal.product_id, True
    subscription.updated_at = now()
    subscription.version += 1


def _read_day(intent: StripeIntent) -> date:
    """Return the business day of the attempt; if the answer came days later, the day of the answer."""
    day, current = date.fromisoformat(intent.parameters["metadata"]["day"]), business_today(current_business().timezone)
    return day if current - day <= timedelta(days=1) else current


def _say(payment: StripePayment | None, error: str) -> str:
    return error or (payment.error if payment else "") or "The payment was not made."
