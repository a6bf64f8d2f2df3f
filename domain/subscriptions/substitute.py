"""A substitute for a product that is out of stock: offered by the office, accepted or declined by the customer.

It replaces the product for one renewal only.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Row, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import Id, Input
from domain.messages.outbox import queue_mail
from domain.subscriptions.change import write_change
from domain.subscriptions.enrol import find_subscription
from domain.subscriptions.letters import write_substitute
from domain.subscriptions.links import make_subscription_link
from domain.subscriptions.save_method import RENEW_ONE_JOB
from models import AuditAction, Product, Subscription, SubscriptionStatus
from settings import Settings

MOST_CHOICES = 12


class OfferSubstitute(Input):
    """The product to offer as a substitute."""

    product_id: Id


class AnswerOffer(Input):
    """Whether the customer accepts the offer."""

    take: bool = False


async def list_substitutes(
    db: AsyncSession, subscription_id: int, *, visible_to: Actor
) -> Sequence[Row[int, str, str]]:
    """Return products in stock that could be a substitute, those of the same category and nearest in price first.

    Raises NotFound, also if the rep may not see the subscription.
    """
    subscription = await find_subscription(db, subscription_id, visible_to=visible_to)
    own = (await db.execute(select(Product).where(Product.id == subscription.product_id))).scalar_one()
    wanted = (
        select(Product.id, Product.name, Product.sku)
        .where(
            Product.id != own.id,
            Product.is_active,
            Product.in_stock,
            or_(Product.stock_quantity.is_(None), Product.stock_quantity >= subscription.quantity),
        )
        .order_by(
            case((Product.category_id == own.category_id, 0), else_=1),
            func.abs(Product.unit_price - own.unit_price),
            Product.id,
        )
        .limit(MOST_CHOICES)
    )
    return (await db.execute(wanted)).all()


async def offer_substitute(
    db: AsyncSession, subscription_id: int, data: OfferSubstitute, *, by: Actor, settings: Settings
) -> str:
    """Offer another product for the next renewal by email. Returns the address.

    Raises NotFound, Refused if the subscription is not active, and InvalidInput for an unsuitable product.
    """
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    subscription = await find_subscription(db, subscription_id, visible_to=by, lock=True)
    if subscription.status != SubscriptionStatus.ACTIVE:
        raise Refused("The subscription does not renew.", code=Code.STATE_NOT_ALLOWED, allowed=["active"])
    product = await db.get(Product, data.product_id)
    if product is None or not product.is_active or product.id == subscription.product_id:
        raise InvalidInput(
            "This product can't be the substitute.", fields={"product_id": "is not a different product on sale"}
        )
    own = await db.scalar(select(Product.name).where(Product.id == subscription.product_id))
    changed = {"substitute_id": product.id, "substitute_agreed": False}
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_SUBSTITUTE_OFFERED, by=by)
    link = make_subscription_link(subscription.id, settings=settings)
    await queue_mail(
        db,
        write_substitute(own or "", subscription.quantity, product.name, link.url, settings.company_name),
        to=subscription.delivery_email,
        customer_id=subscription.customer_id,
        secret=link.secret,
    )
    return subscription.delivery_email


async def answer_offer(
    db: AsyncSession, subscription: Subscription, data: AnswerOffer, *, today: date, by: Actor
) -> None:
    """Accept the offer, which retries a waiting renewal at once, or decline it. Raises Refused if there is none."""
    if subscription.substitute_id is None:
        raise Refused("The substitute is no longer offered.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    changed: dict[str, object] = {"substitute_agreed": True} if data.take else {"substitute_id": None}
    if data.take and subscription.retry_on is not None:
        changed["retry_on"] = today
        await enqueue(db, RENEW_ONE_JOB, {"subscription_id": subscription.id})
    answered = AuditAction.SUBSCRIPTION_SUBSTITUTE_TAKEN if data.take else AuditAction.SUBSCRIPTION_SUBSTITUTE_DECLINED
    await write_change(db, subscription, changed, answered, by=by)
