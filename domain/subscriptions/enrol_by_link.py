"""Enrolling a customer who has not saved a card yet: the subscription waits, and a link asks for the card."""

from datetime import timedelta, tzinfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import DateIn, Filled60, Filled200, Id, Input, PhoneIn, StateIn, Text200, Text2000, ZipIn
from domain.kernel.phone import parse_phone
from domain.payments.pay_link import SendBy
from domain.subscriptions.enrol import DiscountPct, IntervalDays, RealEmail, SubscribedQuantity, note_change
from domain.subscriptions.links import queue_link
from models import AuditAction, Customer, Product, SavedPayment, Subscription, SubscriptionStatus
from settings import Settings


class EnrolByLink(Input):
    """Who gets what, how often and where; how it is paid, the customer chooses on the page of the link."""

    user_id: Id
    product_sku: Filled60
    quantity: SubscribedQuantity
    interval_days: IntervalDays
    discount_pct: DiscountPct
    start_date: DateIn | None = None
    delivery_name: Filled200
    delivery_company: Text200 | None = None
    delivery_phone: PhoneIn | None = None
    delivery_email: RealEmail
    delivery_address: Filled200
    delivery_city: Filled60
    delivery_state: StateIn
    delivery_zip: ZipIn
    notes: Text2000 | None = None


async def enrol_by_link(
    db: AsyncSession, data: EnrolByLink, *, timezone: tzinfo, by: Actor, settings: Settings
) -> Subscription:
    """Enrol a customer and mail the link at which they save a card or a bank account; then it begins by itself.

    Raises InvalidInput for an unknown customer or product and for a date in the past.
    """
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    today = business_today(timezone)
    wrong: dict[str, str] = {}
    if data.start_date is not None and data.start_date < today:
        wrong["start_date"] = "must not lie in the past"
    customer = await db.get(Customer, data.user_id)
    if customer is None or not customer.is_active:
        wrong["user_id"] = "is no customer of ours"
    product = await db.scalar(select(Product).where(func.lower(Product.sku) == data.product_sku.lower()))
    if product is None or not product.is_active:
        wrong["product_sku"] = "is not sold"
    if wrong or customer is None or product is None:
        raise InvalidInput("The subscription can't be made like this.", fields=wrong)
    values = data.model_dump(exclude={"user_id", "product_sku", "start_date", "delivery_phone"})
    subscription = Subscription(
        **values | {"delivery_company": data.delivery_company or "", "notes": data.notes or ""},
        customer_id=customer.id,
        product_id=product.id,
        delivery_phone=parse_phone(data.delivery_phone) if data.delivery_phone else None,
        next_renewal_date=data.start_date or today + timedelta(days=data.interval_days),
        status=SubscriptionStatus.PAUSED,
        payment_type=SavedPayment.CARD,
        stripe_customer_id=customer.stripe_customer_id or "",
        created_by=by.name,
    )
    db.add(subscription)
    await db.flush()
    after = {"quantity": data.quantity, "waits_for": "a saved card"}
    await note_change(db, subscription, AuditAction.SUBSCRIPTION_CREATED, by=by, after=after)
    await queue_link(db, subscription, way=SendBy.EMAIL, to=subscription.delivery_email, settings=settings)
    return subscription
