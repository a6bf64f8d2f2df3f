"""Enrolling a customer who has not saved a card yet: the subscription waits, and a link asks for the card."""

from datetime import tzinfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.payments.pay_link import SendBy
from domain.subscriptions.enrol import Enrolment, add_subscription, note_change
from domain.subscriptions.links import queue_link
from models import AuditAction, SavedPayment, Subscription, SubscriptionStatus
from settings import Settings


async def enrol_by_link(
    db: AsyncSession, data: Enrolment, *, timezone: tzinfo, by: Actor, settings: Settings
) -> Subscription:
    """Enrol a customer and mail the link at which they save a card or a bank account; then it begins by itself.

    Raises InvalidInput as `create_subscription` does.
    """
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    customer, subscription = await add_subscription(
        db,
        data,
        timezone=timezone,
        company_domain=settings.company_domain,
        status=SubscriptionStatus.PAUSED,
        payment_type=SavedPayment.CARD,
        created_by=by.name,
    )
    subscription.stripe_customer_id = customer.stripe_customer_id or ""
    await db.flush()
    after = {"quantity": data.quantity, "waits_for": "a saved card"}
    await note_change(db, subscription, AuditAction.SUBSCRIPTION_CREATED, by=by, after=after)
    await queue_link(db, subscription, way=SendBy.EMAIL, to=subscription.delivery_email, settings=settings)
    return subscription
