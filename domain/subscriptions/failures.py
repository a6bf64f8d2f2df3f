"""What follows a failed renewal: when it is retried, and the job that writes to the customer."""

from datetime import date, timedelta

from sqlalchemy import Date, cast, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.orders.business import current_business
from domain.subscriptions.enrol import note_change
from models import AuditAction, Renewal, RenewalStatus, Subscription, SubscriptionStatus

NOTIFY_JOB = "notify_declined"
RETRY_AFTER_DAYS = (1, 3, 7)
MOST_STOCK_TRIES = 7


async def plan_stock_retry(db: AsyncSession, subscription: Subscription, renewal: Renewal, *, today: date) -> None:
    """Retry a renewal that was not charged tomorrow, for seven days; then pause the subscription."""
    if _has_plan(subscription, today):
        return
    day = cast(func.timezone(str(current_business().timezone), Renewal.created_at), Date)
    uncharged = select(func.count(distinct(day))).where(
        Renewal.subscription_id == subscription.id,
        Renewal.due_date == renewal.due_date,
        Renewal.status == RenewalStatus.FAILED,
        Renewal.intent_id.is_(None),
    )
    if (await db.execute(uncharged)).scalar_one() <= MOST_STOCK_TRIES:
        await _retry_on(db, subscription, today + timedelta(days=1))
    else:
        await _rest(db, subscription, renewal)


async def plan_payment_retry(db: AsyncSession, subscription: Subscription, renewal: Renewal, *, today: date) -> None:
    """Retry a declined renewal after 1, 3 and 7 days, then pause the subscription. The first decline is emailed.

    A manual attempt before its date or before its next retry does not change the planned day.
    """
    await enqueue(db, NOTIFY_JOB, {"renewal_id": renewal.id})
    if _has_plan(subscription, today) or subscription.status != SubscriptionStatus.ACTIVE:
        return
    subscription.failures += 1
    if subscription.failures <= len(RETRY_AFTER_DAYS):
        await _retry_on(db, subscription, today + timedelta(days=RETRY_AFTER_DAYS[subscription.failures - 1]))
    else:
        await _rest(db, subscription, renewal)


def _has_plan(subscription: Subscription, today: date) -> bool:
    """Return True if the next attempt is already planned, so that a manual attempt does not change the plan."""
    return (subscription.retry_on or subscription.next_renewal_date) > today


async def _retry_on(db: AsyncSession, subscription: Subscription, day: date) -> None:
    subscription.retry_on = day
    subscription.updated_at = now()
    subscription.version += 1
    await db.flush()


async def _rest(db: AsyncSession, subscription: Subscription, renewal: Renewal) -> None:
    subscription.status = SubscriptionStatus.PAUSED
    subscription.retry_on = None
    subscription.updated_at = now()
    subscription.version += 1
    await db.flush()
    after = {"status": SubscriptionStatus.PAUSED, "why": renewal.error}
    await note_change(db, subscription, AuditAction.SUBSCRIPTION_PAUSED, by=SYSTEM, after=after)
