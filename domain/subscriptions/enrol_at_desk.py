"""Staff enrol a customer: charged to an already saved payment method, or waiting until the customer saves one."""

from datetime import tzinfo
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Id
from domain.payments.pay_link import SendBy
from domain.subscriptions.enrol import Enrolment, add_subscription, note_change
from domain.subscriptions.links import queue_link
from domain.subscriptions.saved_methods import lock_saved_method
from models import AuditAction, SavedPayment, Subscription, SubscriptionStatus
from settings import Settings


class EnrolAtDesk(Enrolment):
    """Who gets what, how often, delivered where, and charged to what."""

    saved_with: Id | None = None
    """A subscription of the customer whose card or bank account is charged; by default a link asks for one."""
    send_by: SendBy = SendBy.EMAIL
    """How the link is sent."""


async def enrol_at_desk(
    db: AsyncSession, data: EnrolAtDesk, *, timezone: tzinfo, by: Actor, settings: Settings
) -> Subscription:
    """Enrol a customer and send them the link to their page. Without a saved payment method it begins once they save
    one.

    Raises InvalidInput like `create_subscription`, and for a missing payment method or phone number.
    """
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    if data.send_by is SendBy.TEXT and not data.delivery_phone:
        raise InvalidInput("The link needs a phone number.", fields={"delivery_phone": "is needed to text the link"})
    saved = await lock_saved_method(db, data.user_id, data.saved_with) if data.saved_with is not None else None
    values: dict[str, Any] = {"status": SubscriptionStatus.PAUSED, "payment_type": SavedPayment.CARD}
    if saved is not None:
        values = {
            "stripe_customer_id": saved.stripe_customer_id,
            "stripe_payment_method_id": saved.stripe_payment_method_id,
            "payment_type": saved.payment_type,
            "pays_by": saved.pays_by,
            "pays_by_id": saved.pays_by_id,
            "payment_expires_on": saved.payment_expires_on,
        }
    customer, subscription = await add_subscription(
        db, data, timezone=timezone, company_domain=settings.company_domain, created_by=by.name, **values
    )
    if saved is None:
        subscription.stripe_customer_id = customer.stripe_customer_id or ""
    await db.flush()
    after = {"quantity": data.quantity} | ({"waits_for": "a saved card"} if saved is None else {})
    await note_change(db, subscription, AuditAction.SUBSCRIPTION_CREATED, by=by, after=after)
    to = subscription.delivery_phone if data.send_by is SendBy.TEXT else subscription.delivery_email
    assert to is not None  # checked above
    await queue_link(db, subscription, way=data.send_by, to=to, settings=settings)
    return subscription
