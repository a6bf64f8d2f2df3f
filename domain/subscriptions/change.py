"""Changing, pausing, resuming and ending a subscription."""

from collections.abc import Mapping
from datetime import timedelta, tzinfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import DateIn, Filled60, Filled200, Input, StateIn, Text2000, ZipIn
from domain.subscriptions.enrol import DiscountPct, IntervalDays, SubscribedQuantity, find_subscription, note_change
from models import AuditAction, Subscription, SubscriptionStatus

_NEEDED = (
    "interval_days", "quantity", "discount_pct", "next_renewal_date", "delivery_name", "delivery_address",
    "delivery_city", "delivery_state", "delivery_zip",
)  # fmt: skip


class UpdateSubscription(Input):
    """What to change; a field that is not sent stays."""

    interval_days: IntervalDays | None = None
    quantity: SubscribedQuantity | None = None
    discount_pct: DiscountPct | None = None
    notes: Text2000 | None = None
    next_renewal_date: DateIn | None = None
    delivery_name: Filled200 | None = None
    delivery_address: Filled200 | None = None
    delivery_city: Filled60 | None = None
    delivery_state: StateIn | None = None
    delivery_zip: ZipIn | None = None


async def update_subscription(
    db: AsyncSession,
    subscription_id: int,
    data: UpdateSubscription,
    *,
    timezone: tzinfo,
    by: Actor,
    version: int | None = None,
) -> Subscription:
    """Change a subscription that is not cancelled; another date drops the retries of the one before.

    Raises NotFound, Refused for a cancelled or meanwhile changed one, and InvalidInput for a date in the past.
    """
    subscription = await _lock(db, subscription_id, by=by, version=version)
    sent = data.model_dump(exclude_unset=True)
    wrong = {name: "is required" for name in _NEEDED if name in sent and sent[name] is None}
    if data.next_renewal_date is not None and data.next_renewal_date < business_today(timezone):
        wrong["next_renewal_date"] = "must not lie in the past"
    if wrong:
        raise InvalidInput("The subscription can't be changed like this.", fields=wrong)
    if "notes" in sent:
        sent["notes"] = sent["notes"] or ""
    changed = {name: value for name, value in sent.items() if getattr(subscription, name) != value}
    if "next_renewal_date" in changed:
        subscription.retry_on, subscription.failures = None, 0
    await _write(db, subscription, changed, AuditAction.SUBSCRIPTION_CHANGED, by=by)
    return subscription


async def cancel_subscription(db: AsyncSession, subscription_id: int, *, by: Actor) -> Subscription:
    """End a subscription for good; raises Refused for one that has ended."""
    subscription = await _lock(db, subscription_id, by=by)
    changed = {"status": SubscriptionStatus.CANCELLED, "retry_on": None}
    await _write(db, subscription, changed, AuditAction.SUBSCRIPTION_CANCELLED, by=by)
    return subscription


async def pause_subscription(db: AsyncSession, subscription_id: int, *, by: Actor) -> Subscription:
    """Let a subscription rest; raises Refused for one that is not active."""
    subscription = await _lock(db, subscription_id, by=by)
    if subscription.status != SubscriptionStatus.ACTIVE:
        raise Refused(
            "The subscription is paused already.", code=Code.STATE_NOT_ALLOWED, allowed=["active", "cancelled"]
        )
    await _write(db, subscription, {"status": SubscriptionStatus.PAUSED}, AuditAction.SUBSCRIPTION_PAUSED, by=by)
    return subscription


async def resume_subscription(db: AsyncSession, subscription_id: int, *, timezone: tzinfo, by: Actor) -> Subscription:
    """Let a paused subscription renew again, at the earliest tomorrow; raises Refused for one that is not paused."""
    subscription = await _lock(db, subscription_id, by=by)
    if subscription.status != SubscriptionStatus.PAUSED:
        raise Refused(
            "The subscription is active already.", code=Code.STATE_NOT_ALLOWED, allowed=["paused", "cancelled"]
        )
    earliest = business_today(timezone) + timedelta(days=1)
    changed = {
        "status": SubscriptionStatus.ACTIVE,
        "next_renewal_date": max(subscription.next_renewal_date, earliest),
        "retry_on": None,
        "failures": 0,
    }
    await _write(db, subscription, changed, AuditAction.SUBSCRIPTION_RESUMED, by=by)
    return subscription


async def _lock(db: AsyncSession, subscription_id: int, *, by: Actor, version: int | None = None) -> Subscription:
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    subscription = await find_subscription(db, subscription_id, visible_to=by, lock=True)
    if version is not None and version != subscription.version:
        raise Refused("Somebody changed this subscription meanwhile.", code=Code.STALE, version=subscription.version)
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Refused("The subscription is cancelled, which is final.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    return subscription


async def _write(
    db: AsyncSession, subscription: Subscription, changed: Mapping[str, object], action: AuditAction, *, by: Actor
) -> None:
    if not changed:
        return
    for name, value in changed.items():
        setattr(subscription, name, value)
    subscription.updated_at = now()
    subscription.version += 1
    await db.flush()
    await note_change(db, subscription, action, by=by, after=changed)
