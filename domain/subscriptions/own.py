"""A customer's own subscriptions: what their page and the shop show of them, and what they change by themselves.

Who holds the signed link of a subscription may change that one; a customer who is signed in, all of theirs.
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
    """Which of one's subscriptions to change, and how; what is not sent stays."""

    subscription_id: Id
    quantity: SubscribedQuantity | None = None
    next_renewal_date: DateIn | None = None
    """From tomorrow to a year ahead; later renewals are counted from it."""
    skip: bool = False
    """True to leave out the next renewal; it goes before the other changes."""
    status: Literal["active", "paused"] | None = None
    """paused to let it rest, active to resume it."""
    resume_on: DateIn | None = None
    """The day on which a pause ends by itself; with status paused."""


class ChooseDate(Input):
    """Where the next renewal is moved to: a day, or so many days later."""

    date: DateIn | None = None
    by: int | None = Field(None, ge=1, le=90)
    all: bool = False


class ChooseQuantity(Input):
    """How many each time."""

    quantity: SubscribedQuantity


class ChoosePause(Input):
    """Until when a subscription rests; without a day, until somebody resumes it."""

    until: DateIn | None = None


@dataclass(frozen=True, slots=True)
class OwnSubscription:
    """A subscription as its customer sees it, with what its next renewal costs at today's prices, US dollars."""

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
        """True while the last renewal waits for another try."""
        return self.retry_on is not None and self.last_renewal is not None and self.last_renewal.status == "failed"

    @property
    def was_declined(self) -> bool:
        """True when it failed at the bank, and nothing better was saved since."""
        return self._failed_at_the_bank and self.failures > 0

    @property
    def is_mended(self) -> bool:
        """True while what was declined waits to be tried with the payment method that was saved since."""
        return self._failed_at_the_bank and self.failures == 0

    @property
    def _failed_at_the_bank(self) -> bool:
        # Without a charge it was out of stock.
        return self.has_failed and self.last_renewal is not None and self.last_renewal.payment_intent_id is not None


async def list_own(db: AsyncSession, *, by: Actor, rules: OrderRules) -> list[OwnSubscription]:
    """The signed-in customer's subscriptions that have not ended, newest first; the statements don't grow with them."""
    wanted = select(Subscription).where(
        Subscription.customer_id == by.id, Subscription.status != SubscriptionStatus.CANCELLED
    )
    return await _show(db, (await db.scalars(wanted.order_by(Subscription.id.desc()))).all(), rules)


async def get_own(db: AsyncSession, subscription_id: int, *, rules: OrderRules) -> OwnSubscription:
    """One subscription as its customer sees it; raises NotFound."""
    [shown] = await _show(db, [await find_subscription(db, subscription_id, visible_to=SYSTEM)], rules)
    return shown


async def _show(db: AsyncSession, subscriptions: Sequence[Subscription], rules: OrderRules) -> list[OwnSubscription]:
    """The subscriptions of a customer with their products, prices of today and newest renewals."""
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
    """Change one of the signed-in customer's subscriptions; raises NotFound for one that is not theirs."""
    subscription = await lock_own(db, data.subscription_id, customer_id=by.id)
    today = business_today(timezone)
    if data.resume_on is not None and data.status != "paused":
        raise InvalidInput("A pause ends on a day.", fields={"resume_on": "goes with status paused"})
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
    """A subscription locked for its customer's change, where a customer is named one of theirs.

    Raises NotFound, and Refused for one that has ended.
    """
    subscription = await find_subscription(db, subscription_id, visible_to=SYSTEM, lock=True)
    if customer_id is not None and subscription.customer_id != customer_id:
        raise NotFound("There is no such subscription.")
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Refused("The subscription is cancelled, which is final.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    return subscription


async def choose_quantity(db: AsyncSession, subscription: Subscription, quantity: int, *, by: Actor) -> None:
    """Another quantity each time."""
    changed = {"quantity": quantity} if quantity != subscription.quantity else {}
    await write_change(db, subscription, changed, AuditAction.SUBSCRIPTION_CHANGED, by=by)


async def choose_date(
    db: AsyncSession, subscription: Subscription, choice: ChooseDate, *, today: date, by: Actor
) -> None:
    """Move the next renewal to a day, or by days from where it is; the later ones move too when `all` is wished."""
    start = max(subscription.next_renewal_date, today)
    day = start + timedelta(days=choice.by) if choice.by is not None else choice.date
    if day is None:
        raise InvalidInput("Say to which day.", fields={"date": "is required"})
    await move_date(db, subscription, day, keeps_rhythm=not choice.all, today=today, by=by)


async def rest(db: AsyncSession, subscription: Subscription, until: date | None, *, today: date, by: Actor) -> None:
    """Let it rest, where a day is given until then."""
    if until is not None and not today < until <= today + LONGEST_MOVE:
        wrong = f"must lie between tomorrow and {LONGEST_MOVE.days} days from today"
        raise InvalidInput("A pause can't end on that day.", fields={"resume_on": wrong, "until": wrong})
    await pause(db, subscription, until=until, by=by)


def holder_actor(page: OwnSubscription) -> Actor:
    """Who acts on the page of a link: its holder, shown by the customer's name."""
    return Actor(ActorKind.GUEST, name=f"{page.payer}, by link")
