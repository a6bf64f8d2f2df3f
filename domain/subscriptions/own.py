"""A customer's own subscriptions: what their page and the shop show, and what customers can change themselves.

The holder of a subscription's signed link can change that one; a signed-in customer, all of theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from typing import Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.kernel.clock import business_today
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.inputs import DateIn, Id, Input
from domain.orders.rules import OrderRules
from domain.subscriptions.change import LONGEST_MOVE, move_date, pause, resume, skip_next, write_change
from domain.subscriptions.dates import choose_next_date
from domain.subscriptions.enrol import SubscribedQuantity, find_subscription
from domain.subscriptions.list_subscriptions import RenewalLine, list_newest_renewals
from domain.subscriptions.prepare import RenewalPrice, quote_renewals
from models import AuditAction, Customer, Product, Subscription, SubscriptionStatus


class ChangeOwnSubscription(Input):
    """Which of the customer's subscriptions to change, and how; fields that are not sent stay unchanged."""

    subscription_id: Id
    quantity: SubscribedQuantity | None = None
    next_renewal_date: DateIn | None = None
    """From tomorrow to a year ahead; later renewals are counted from it."""
    skip: bool = False
    """True skips the next renewal; this happens before the other changes."""
    status: Literal["active", "paused"] | None = None
    """paused to pause it, active to resume it."""
    resume_on: DateIn | None = None
    """The day on which a pause ends automatically; only with status paused."""


class ChooseDate(Input):
    """The new date of the next renewal: a day, or a number of days later."""

    date: DateIn | None = None
    by: int | None = Field(None, ge=1, le=90)
    all: bool = False


class ChooseQuantity(Input):
    """The quantity of each renewal."""

    quantity: SubscribedQuantity


class ChoosePause(Input):
    """Until when a subscription is paused; without a day, until somebody resumes it."""

    until: DateIn | None = None


@dataclass(frozen=True, slots=True)
class OwnSubscription:
    """A subscription as its customer sees it, with the cost of its next renewal at today's prices, in US dollars."""

    id: int
    status: SubscriptionStatus
    payer: str
    product_id: int
    product_sku: str
    product_name: str
    quantity: int
    interval_days: int
    discount_pct: Decimal
    next_renewal_date: date
    following_date: date
    retry_on: date | None
    failures: int
    resume_on: date | None
    pays_by: str
    has_method: bool
    unit_price: Decimal
    delivery_fee: Decimal
    amount: Decimal
    problem: str
    last_renewal: RenewalLine | None
    substitute: str
    substitute_agreed: bool

    @property
    def has_failed(self) -> bool:
        """True while the last renewal waits for another attempt."""
        return self.retry_on is not None and self.last_renewal is not None and self.last_renewal.status == "failed"

    @property
    def was_declined(self) -> bool:
        """True if the bank declined it, and no payment method was saved since."""
        return self._failed_at_the_bank and self.failures > 0

    @property
    def is_mended(self) -> bool:
        """True while a declined renewal waits to be retried with a payment method saved since."""
        return self._failed_at_the_bank and self.failures == 0

    @property
    def _failed_at_the_bank(self) -> bool:
        # Without a charge, it was out of stock.
        return self.has_failed and self.last_renewal is not None and self.last_renewal.payment_intent_id is not None


async def list_own(db: AsyncSession, *, by: Actor, rules: OrderRules) -> list[OwnSubscription]:
    """Return the signed-in customer's subscriptions that are not cancelled, newest first; a fixed number of reads."""
    wanted = select(Subscription).where(
        Subscription.customer_id == by.id, Subscription.status != SubscriptionStatus.CANCELLED
    )
    return await _show(db, (await db.scalars(wanted.order_by(Subscription.id.desc()))).all(), rules)


async def get_own(db: AsyncSession, subscription_id: int, *, rules: OrderRules) -> OwnSubscription:
    """Return one subscription as its customer sees it. Raises NotFound."""
    [shown] = await _show(db, [await find_subscription(db, subscription_id, visible_to=SYSTEM)], rules)
    return shown


async def _show(db: AsyncSession, subscriptions: Sequence[Subscription], rules: OrderRules) -> list[OwnSubscription]:
    """Return the subscriptions of a customer with their products, today's prices and newest renewals."""
    if not subscriptions:
        return []
    company = await db.scalar(select(Customer.company_name).where(Customer.id == subscriptions[0].customer_id))
    ids = {id_ for each in subscriptions for id_ in (each.product_id, each.substitute_id) if id_ is not None}
    named = await db.execute(select(Product.id, Product.sku, Product.name).where(Product.id.in_(ids)))
    products = {id_: (sku, name) for id_, sku, name in named}
    renewals = await list_newest_renewals(await db.connection(), [each.id for each in subscriptions])
    prices = await quote_renewals(db, subscriptions, rules)
    return [
        _show_one(each, company or "", products, renewals.get(each.id), price)
        for each, price in zip(subscriptions, prices, strict=True)
    ]


def _show_one(
    subscription: Subscription,
    company: str,
    products: Mapping[int, tuple[str, str]],
    last_renewal: RenewalLine | None,
    price: RenewalPrice,
) -> OwnSubscription:
    sku, name = products[subscription.product_id]
    counted_from = subscription.rhythm_from or subscription.next_renewal_date
    return OwnSubscription(
        id=subscription.id,
        status=SubscriptionStatus(subscription.status),
        payer=company or subscription.delivery_company or subscription.delivery_name,
        product_id=subscription.product_id,
        product_sku=sku,
        product_name=name,
        quantity=subscription.quantity,
        interval_days=subscription.interval_days,
        discount_pct=subscription.discount_pct,
        next_renewal_date=subscription.next_renewal_date,
        following_date=choose_next_date(
            counted_from, subscription.interval_days, renewed_on=subscription.next_renewal_date
        ),
        retry_on=subscription.retry_on,
        failures=subscription.failures,
        resume_on=subscription.resume_on,
        pays_by=subscription.pays_by,
        has_method=bool(subscription.stripe_payment_method_id),
        unit_price=price.unit_price,
        delivery_fee=price.delivery_fee,
        amount=price.amount,
        problem=price.problem,
        last_renewal=last_renewal,
        substitute=products[subscription.substitute_id][1] if subscription.substitute_id is not None else "",
        substitute_agreed=subscription.substitute_agreed,
    )


async def change_own(db: AsyncSession, data: ChangeOwnSubscription, *, timezone: tzinfo, by: Actor) -> Subscription:
    """Change one of the signed-in customer's subscriptions.

    Raises NotFound if it is not theirs, InvalidInput for a day that can't be chosen, and Refused in a state that does
    not allow the change.
    """
    subscription = await lock_own(db, data.subscription_id, customer_id=by.id)
    today = business_today(timezone)
    if data.resume_on is not None and data.status != "paused":
        raise InvalidInput("A pause needs an end date.", fields={"resume_on": "is only allowed with status paused"})
    if data.skip:
        await skip_next(db, subscription, today=today, by=by)
    if data.quantity is not None:
        await choose_quantity(db, subscription, data.quantity, by=by)
    if data.next_renewal_date is not None:
        await move_date(db, subscription, data.next_renewal_date, keeps_rhythm=False, today=today, by=by)
    if data.status == "paused":
        await rest(db, subscription, data.resume_on, today=today, by=by)
    elif data.status == "active":
        await resume(db, subscription, today=today, by=by)
    return subscription


async def lock_own(db: AsyncSession, subscription_id: int, *, customer_id: int | None = None) -> Subscription:
    """Return a subscription locked for its customer's change; with `customer_id`, only one of theirs.

    Raises NotFound, and Refused for a cancelled one.
    """
    subscription = await find_subscription(db, subscription_id, visible_to=SYSTEM, lock=True)
    if customer_id is not None and subscription.customer_id != customer_id:
        raise NotFound("There is no such subscription.")
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Refused("The subscription is cancelled and can't be changed.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    return subscription


async def choose_quantity(db: AsyncSession, subscription: Subscription, quantity: int, *, by: Actor) -> None:
    """Change the quantity of each renewal."""
    changed = {"quantity": quantity} if quantity != subscription.quantity else {}
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_CHANGED, by=by)


async def choose_date(
    db: AsyncSession, subscription: Subscription, choice: ChooseDate, *, today: date, by: Actor
) -> None:
    """Move the next renewal to a day, or by days from its date; with `all`, the later ones move too.

    Raises InvalidInput without a day or for one that can't be chosen, and Refused while a renewal is being charged.
    """
    start = max(subscription.next_renewal_date, today)
    day = start + timedelta(days=choice.by) if choice.by is not None else choice.date
    if day is None:
        raise InvalidInput("Enter a date.", fields={"date": "is required"})
    await move_date(db, subscription, day, keeps_rhythm=not choice.all, today=today, by=by)


async def rest(db: AsyncSession, subscription: Subscription, until: date | None, *, today: date, by: Actor) -> None:
    """Pause it, until a day if one is given. Raises InvalidInput for another day, and Refused if it is not active."""
    if until is not None and not today < until <= today + LONGEST_MOVE:
        wrong = f"must be between tomorrow and {LONGEST_MOVE.days} days from today"
        raise InvalidInput("A pause can't end on that day.", fields={"resume_on": wrong, "until": wrong})
    await pause(db, subscription, until=until, by=by)


def holder_actor(page: OwnSubscription) -> Actor:
    """Return the actor for the page of a link: its holder, with the customer's name."""
    return Actor(ActorKind.GUEST, name=f"{page.payer}, by link")
