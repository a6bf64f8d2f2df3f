"""Changes, pauses, resumes and cancels subscriptions."""

from collections.abc import Mapping
from datetime import date, timedelta, tzinfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale
from domain.kernel.clock import business_today, now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import DateIn, Filled60, Filled200, Input, StateIn, Text2000, ZipIn
from domain.kernel.money import ZERO
from domain.subscriptions.dates import choose_next_date
from domain.subscriptions.enrol import DiscountPct, IntervalDays, SubscribedQuantity, find_subscription, note_change
from domain.subscriptions.prepare import count_attempts, has_open_charge
from models import AuditAction, Renewal, RenewalStatus, Subscription, SubscriptionStatus

LONGEST_MOVE = timedelta(days=365)

_NEEDED = (
    "interval_days", "quantity", "discount_pct", "next_renewal_date", "delivery_name", "delivery_address",
    "delivery_city", "delivery_state", "delivery_zip",
)  # fmt: skip


class UpdateSubscription(Input):
    """The fields to change; fields that are not sent stay unchanged."""

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
    """Change a subscription that is not cancelled. A new date removes planned retries of the previous one.

    Raises NotFound; Refused if it is cancelled, was changed in the meantime, or gets a new date while a charge is open,
    which sets the next date itself; and InvalidInput for a date in the past.
    """
    subscription = await _lock(db, subscription_id, by=by, version=version)
    sent = data.model_dump(exclude_unset=True)
    wrong = {name: "is required" for name in _NEEDED if name in sent and sent[name] is None}
    day = data.next_renewal_date
    # A failed renewal is still due on its day; only a different day must be in the future.
    if day is not None and day != subscription.next_renewal_date and day < business_today(timezone):
        wrong["next_renewal_date"] = "must not be in the past"
    if wrong:
        raise refuse_fields(wrong)
    if "notes" in sent:
        sent["notes"] = sent["notes"] or ""
    changed = {name: value for name, value in sent.items() if getattr(subscription, name) != value}
    if "next_renewal_date" in changed:
        await check_no_open_charge(db, subscription)
        subscription.retry_on, subscription.failures, subscription.rhythm_from = None, 0, None
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_CHANGED, by=by)
    return subscription


async def cancel_subscription(db: AsyncSession, subscription_id: int, *, by: Actor) -> Subscription:
    """Cancel a subscription, which is final. Raises Refused if it is already cancelled."""
    subscription = await _lock(db, subscription_id, by=by)
    changed = {"status": SubscriptionStatus.CANCELLED, "retry_on": None}
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_CANCELLED, by=by)
    return subscription


async def pause_subscription(db: AsyncSession, subscription_id: int, *, by: Actor) -> Subscription:
    """Pause a subscription. Raises Refused if it is not active."""
    subscription = await _lock(db, subscription_id, by=by)
    await pause(db, subscription, by=by)
    return subscription


async def resume_subscription(db: AsyncSession, subscription_id: int, *, timezone: tzinfo, by: Actor) -> Subscription:
    """Resume a paused subscription; it renews tomorrow at the earliest. Raises Refused if it is not paused."""
    subscription = await _lock(db, subscription_id, by=by)
    await resume(db, subscription, today=business_today(timezone), by=by)
    return subscription


async def skip_renewal(db: AsyncSession, subscription_id: int, *, timezone: tzinfo, by: Actor) -> Subscription:
    """Skip the next renewal. Raises Refused if the subscription is not active, or is being charged."""
    subscription = await _lock(db, subscription_id, by=by)
    await skip_next(db, subscription, today=business_today(timezone), by=by)
    return subscription


async def pause(db: AsyncSession, subscription: Subscription, *, by: Actor, until: date | None = None) -> None:
    """Pause a locked subscription, until a day if one is given. Raises Refused if it is not active."""
    if subscription.status != SubscriptionStatus.ACTIVE:
        raise Refused(
            "The subscription is already paused.", code=Code.STATE_NOT_ALLOWED, allowed=["active", "cancelled"]
        )
    changed = {"status": SubscriptionStatus.PAUSED, "resume_on": until}
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_PAUSED, by=by)


async def resume(db: AsyncSession, subscription: Subscription, *, today: date, by: Actor) -> None:
    """Resume a locked subscription, renewing tomorrow at the earliest.

    Raises Refused if it is not paused, or has no payment method.
    """
    if subscription.status != SubscriptionStatus.PAUSED:
        raise Refused(
            "The subscription is already active.", code=Code.STATE_NOT_ALLOWED, allowed=["paused", "cancelled"]
        )
    if not subscription.stripe_payment_method_id:
        raise Refused(
            "It starts by itself once the customer has saved a card or a bank account.",
            code=Code.STATE_NOT_ALLOWED,
            allowed=["cancelled"],
        )
    changed = {
        "status": SubscriptionStatus.ACTIVE,
        "next_renewal_date": max(subscription.next_renewal_date, today + timedelta(days=1)),
        "retry_on": None,
        "resume_on": None,
        "failures": 0,
    }
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_RESUMED, by=by)


async def skip_next(db: AsyncSession, subscription: Subscription, *, today: date, by: Actor) -> None:
    """Skip the next renewal of a locked subscription, and record it as a skipped renewal.

    Later dates are counted from the skipped date; planned retries for it are removed. Raises Refused if the
    subscription is not active, or is being charged.
    """
    if subscription.status != SubscriptionStatus.ACTIVE:
        raise Refused("Resume the subscription first.", code=Code.STATE_NOT_ALLOWED, allowed=["active", "cancelled"])
    await check_no_open_charge(db, subscription)
    due = subscription.next_renewal_date
    db.add(
        Renewal(
            subscription_id=subscription.id,
            product_id=subscription.product_id,
            due_date=due,
            attempt=await count_attempts(db, subscription.id, due) + 1,
            status=RenewalStatus.SKIPPED,
            quantity=subscription.quantity,
            unit_price=ZERO,
            delivery_fee=ZERO,
            amount=ZERO,
            settled_at=now(),
        )
    )
    counted_from = subscription.rhythm_from or due
    changed = {
        "next_renewal_date": choose_next_date(counted_from, subscription.interval_days, renewed_on=max(today, due)),
        "rhythm_from": None,
        "retry_on": None,
        "failures": 0,
    }
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_SKIPPED, by=by)


async def move_date(
    db: AsyncSession, subscription: Subscription, day: date, *, keeps_rhythm: bool, today: date, by: Actor
) -> None:
    """Move a locked subscription's next renewal to a day from tomorrow on; later ones too unless `keeps_rhythm`.

    Raises InvalidInput for a day that is too early or too late, and Refused while a renewal is being charged.
    """
    if not today < day <= today + LONGEST_MOVE:
        wrong = {"next_renewal_date": f"must be between tomorrow and {LONGEST_MOVE.days} days from today"}
        raise InvalidInput("The date can't be moved to that day.", fields=wrong)
    await check_no_open_charge(db, subscription)
    if day == subscription.next_renewal_date:
        return
    kept = subscription.rhythm_from or subscription.next_renewal_date
    changed = {
        "next_renewal_date": day,
        "rhythm_from": kept if keeps_rhythm else None,
        "retry_on": None,
        "failures": 0,
    }
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_CHANGED, by=by)


async def check_no_open_charge(db: AsyncSession, subscription: Subscription) -> None:
    """Raise Refused while it is not known whether the current renewal was charged."""
    if await has_open_charge(db, subscription.id):
        raise Refused(
            "The next renewal is being charged right now. Look again in a few minutes.", code=Code.RENEWAL_RUNNING
        )


async def _lock(db: AsyncSession, subscription_id: int, *, by: Actor, version: int | None = None) -> Subscription:
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    subscription = await find_subscription(db, subscription_id, visible_to=by, lock=True)
    if version is not None and version != subscription.version:
        raise await make_stale(
            db,
            "this subscription",
            record_kind="subscription",
            record_id=subscription.id,
            changed_at=subscription.updated_at,
            version=subscription.version,
        )
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Refused("The subscription is cancelled and can't be changed.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    return subscription


async def write_change(
    db: AsyncSession, subscription: Subscription, changed: Mapping[str, object], action: AuditAction, *, by: Actor
) -> None:
    """Set the changed fields of a locked subscription, with an entry in the audit trail."""
    if not changed:
        return
    for name, value in changed.items():
        setattr(subscription, name, value)
    subscription.updated_at = now()
    subscription.version += 1
    await db.flush()
    await note_change(db, subscription, action, by=by, after=changed)
