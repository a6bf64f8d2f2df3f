"""Emails about subscriptions, each sent once: a failed payment, a changed price, a card that expires soon.

Each has a link to the customer's page, where they can replace the card, or skip, pause or change the subscription.
"""

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM
from domain.messages.letter import Letter
from domain.messages.outbox import queue_mail
from domain.orders.totals import choose_unit_price
from domain.payments.stripe_account import get_stripe
from domain.subscriptions.change import resume
from domain.subscriptions.letters import write_declined, write_expiry, write_price_change
from domain.subscriptions.links import SubscriptionLink, make_subscription_link
from domain.subscriptions.save_method import describe_method
from integrations.stripe_client import NotThere
from integrations.stripe_saved import fetch_method
from models import Product, Renewal, RenewalStatus, SavedPayment, Subscription, SubscriptionStatus
from models.session import current_database, separate_transaction
from settings import Settings

PRICE_AHEAD = timedelta(days=7)
EXPIRY_AHEAD = timedelta(days=30)
MOST_AT_ONCE = 500


async def notify_declined(db: AsyncSession, renewal_id: int, *, settings: Settings) -> None:
    """Email the customer that a renewal could not be charged: once per due date, however often it is declined."""
    found = (
        await db.execute(
            select(Renewal, Subscription, Product.name)
            .join(Subscription, Subscription.id == Renewal.subscription_id)
            .join(Product, Product.id == Renewal.product_id)
            .where(Renewal.id == renewal_id)
        )
    ).first()
    if found is None:
        return
    renewal, subscription, name = found
    goods, retry_on = f"{renewal.quantity} × {name}", subscription.retry_on
    link = make_subscription_link(subscription.id, settings=settings)
    letter = write_declined(goods, renewal.amount, renewal.error, retry_on, link.url, settings.company_name)
    await _mail(db, subscription, letter, link, f"renewal_failed:{subscription.id}:{renewal.due_date.isoformat()}")


async def notify_price_changes(db: AsyncSession, *, today: date, settings: Settings) -> int:
    """Email, a week ahead, customers whose next renewal has another unit price than the last. Returns how many."""
    last = (
        select(Renewal.subscription_id, Renewal.product_id, Renewal.unit_price)
        .where(Renewal.status == RenewalStatus.SUCCEEDED)
        .ext(distinct_on(Renewal.subscription_id))
        .order_by(Renewal.subscription_id, Renewal.id.desc())
        .subquery()
    )
    rows = await db.execute(
        select(Subscription, Product, last.c.unit_price)
        .join(Product, Product.id == Subscription.product_id)
        .join(last, (last.c.subscription_id == Subscription.id) & (last.c.product_id == Subscription.product_id))
        .where(
            Subscription.status == SubscriptionStatus.ACTIVE,
            Subscription.retry_on.is_(None),
            Subscription.next_renewal_date > today,
            Subscription.next_renewal_date <= today + PRICE_AHEAD,
        )
        .order_by(Subscription.id)
    )
    noticed = 0
    for subscription, product, before in rows.all():
        after, _ = choose_unit_price(
            subscription.quantity,
            unit_price=product.unit_price,
            bulk_price=product.bulk_price,
            bulk_quantity=product.bulk_quantity,
        )
        if after == before:
            continue
        units, due = subscription.quantity, subscription.next_renewal_date
        link = make_subscription_link(subscription.id, settings=settings)
        letter = write_price_change(product.name, units, before, after, due, link.url, settings.company_name)
        await _mail(db, subscription, letter, link, f"subscription_price:{subscription.id}:{due.isoformat()}:{after}")
        noticed += 1
    return noticed


async def notify_expiring_cards(db: AsyncSession, *, today: date, settings: Settings) -> int:
    """Email, thirty days ahead, customers whose saved card expires. Returns the number of such cards."""
    rows = await db.execute(
        select(Subscription, Product.name)
        .join(Product, Product.id == Subscription.product_id)
        .where(
            Subscription.status == SubscriptionStatus.ACTIVE,
            Subscription.payment_type == SavedPayment.CARD,
            Subscription.pays_by_id == Subscription.stripe_payment_method_id,
            Subscription.payment_expires_on <= today + EXPIRY_AHEAD,
        )
        .order_by(Subscription.id)
    )
    noticed = 0
    for subscription, name in rows.all():
        goods, ends_on = f"{subscription.quantity} × {name}", subscription.payment_expires_on
        link = make_subscription_link(subscription.id, settings=settings)
        letter = write_expiry(subscription.pays_by, goods, ends_on, link.url, settings.company_name)
        await _mail(db, subscription, letter, link, f"card_expiry:{subscription.id}:{subscription.pays_by_id}")
        noticed += 1
    return noticed


async def resume_paused(db: AsyncSession, *, today: date) -> int:
    """End the pauses whose day has come. Returns how many."""
    due = (
        select(Subscription)
        .where(
            Subscription.status == SubscriptionStatus.PAUSED,
            Subscription.resume_on <= today,
            Subscription.stripe_payment_method_id != "",
        )
        .order_by(Subscription.id)
        .with_for_update(skip_locked=True)
    )
    found = (await db.execute(due)).scalars().all()
    for subscription in found:
        # It may renew on the same day on which the pause ends.
        await resume(db, subscription, today=today - timedelta(days=1), by=SYSTEM)
    return len(found)


async def read_saved_methods(settings: Settings) -> int:
    """Ask Stripe for the names and expiry dates of payment methods that were saved elsewhere. Returns how many."""
    account = get_stripe(settings)
    unread = Subscription.stripe_payment_method_id != Subscription.pays_by_id
    async with current_database().session() as db:
        wanted = select(Subscription.id, Subscription.stripe_payment_method_id).where(
            unread, Subscription.stripe_payment_method_id != "", Subscription.status != SubscriptionStatus.CANCELLED
        )
        rows = (await db.execute(wanted.order_by(Subscription.id).limit(MOST_AT_ONCE))).all()
    for subscription_id, method_id in rows:
        try:
            method = await fetch_method(account, method_id)
        except NotThere:
            method = None
        async with separate_transaction() as db:
            locked = select(Subscription).where(Subscription.id == subscription_id).with_for_update()
            subscription = (await db.execute(locked)).scalar_one_or_none()
            if subscription is None or subscription.stripe_payment_method_id != method_id:
                continue
            subscription.pays_by_id = method_id
            if method is not None:
                describe_method(subscription, method)
    return len(rows)


async def _mail(db: AsyncSession, subscription: Subscription, letter: Letter, link: SubscriptionLink, key: str) -> None:
    to, customer_id = subscription.delivery_email, subscription.customer_id
    await queue_mail(db, letter, to=to, customer_id=customer_id, dedupe_key=key, secret=link.secret)
