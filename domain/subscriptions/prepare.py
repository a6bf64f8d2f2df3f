"""Prepares a renewal: its row with today's amount, the stock it holds, and the intended charge.

All of it is committed before Stripe is asked. Without stock or a price, the renewal fails here, and nothing is charged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.money import ZERO, format_money, round_half_up
from domain.orders.lines import Line, OrderLine, price_each, price_lines
from domain.orders.rules import OrderRules
from domain.orders.totals import calculate_delivery_fee
from domain.payments.card import SMALLEST
from domain.payments.intents import make_intent
from domain.stock.stock import change_stock
from domain.subscriptions.failures import plan_stock_retry
from integrations.stripe_client import CURRENCY, to_cents
from models import IntentKind, Renewal, RenewalStatus, SavedPayment, StockReason, StripeIntent, Subscription
from models.session import raw_connection

_METHOD = {SavedPayment.CARD: "card", SavedPayment.ACH: "us_bank_account"}


@dataclass(frozen=True, slots=True)
class RenewalPrice:
    """The cost of a renewal at today's prices, in US dollars. `problem` says why it can't be sold today."""

    unit_price: Decimal
    delivery_fee: Decimal
    amount: Decimal
    is_tracked: bool
    problem: str = ""


async def has_open_charge(db: AsyncSession, subscription_id: int) -> bool:
    """Return True while it is not known whether a renewal of the subscription was charged."""
    asked = select(Renewal.id).where(
        Renewal.subscription_id == subscription_id,
        Renewal.status == RenewalStatus.PROCESSING,
        Renewal.order_id.is_(None),
    )
    return (await db.execute(asked.limit(1))).first() is not None


async def count_attempts(db: AsyncSession, subscription_id: int, due: date) -> int:
    """Return how often a due date was attempted or skipped."""
    tries = select(func.coalesce(func.max(Renewal.attempt), 0)).where(
        Renewal.subscription_id == subscription_id, Renewal.due_date == due
    )
    return int((await db.execute(tries)).scalar_one())


async def prepare_renewal(
    db: AsyncSession,
    subscription: Subscription,
    *,
    rules: OrderRules,
    today: date,
    by: Actor,
    request: Mapping[str, str] | None = None,
) -> Renewal:
    """Write the renewal of a locked subscription with its reservation and its charge. Locks the product.

    `request` has the caller, the key and the hash of the request that asked for it.
    """
    due = min(subscription.next_renewal_date, today)
    attempt = await count_attempts(db, subscription.id, due) + 1
    price = await quote_renewal(db, subscription, rules)
    renewal = Renewal(
        subscription_id=subscription.id,
        product_id=choose_product(subscription),
        due_date=due,
        attempt=attempt,
        quantity=subscription.quantity,
        unit_price=price.unit_price,
        delivery_fee=price.delivery_fee,
        amount=price.amount,
    )
    for name, value in (request or {}).items():
        setattr(renewal, name, value)
    db.add(renewal)
    if price.problem:
        renewal.status, renewal.error, renewal.settled_at = RenewalStatus.FAILED, price.problem, now()
        await db.flush()
        await plan_stock_retry(db, subscription, renewal, today=today)
        return renewal
    await db.flush()
    intent = _mean_charge(subscription, renewal, today=today, by=by, request=request or {})
    db.add(intent)
    await db.flush()
    renewal.intent_id = intent.id
    if price.is_tracked:
        renewal.holds_stock = True
        await change_stock(
            await raw_connection(db),
            {renewal.product_id: -subscription.quantity},
            reason=StockReason.RENEWAL_RESERVED,
            by=by,
            note=f"Renewal {renewal.id}",
        )
    await db.flush()
    return renewal


def choose_product(subscription: Subscription) -> int:
    """Return the product of the next renewal: the substitute, if the customer has agreed to it."""
    if subscription.substitute_id is not None and subscription.substitute_agreed:
        return subscription.substitute_id
    return subscription.product_id


async def quote_renewal(db: AsyncSession, subscription: Subscription, rules: OrderRules) -> RenewalPrice:
    """Return today's price less the discount, plus the delivery fee. The product stays locked."""
    connection = await raw_connection(db)
    asked = [OrderLine(product_id=choose_product(subscription), quantity=subscription.quantity)]
    problem = ""
    try:
        [line] = await price_lines(connection, asked, lock=True)
    except InvalidInput:
        return _price(subscription, None, "The product is no longer sold.", rules)
    except Refused as short:
        problem = str(short)
        [line] = await price_lines(connection, asked, lock=True, check_stock=False)
    return _price(subscription, line, problem, rules)


async def quote_renewals(
    db: AsyncSession, subscriptions: Sequence[Subscription], rules: OrderRules
) -> list[RenewalPrice]:
    """Like `quote_renewal`, for displaying several subscriptions: one statement, without locks."""
    asked = [(choose_product(each), each.quantity) for each in subscriptions]
    priced = await price_each(await raw_connection(db), asked)
    return [_price(each, *found, rules) for each, found in zip(subscriptions, priced, strict=True)]


def _price(subscription: Subscription, line: Line | None, problem: str, rules: OrderRules) -> RenewalPrice:
    if line is None:
        return RenewalPrice(ZERO, ZERO, ZERO, is_tracked=False, problem=problem)
    goods = discount_line(line, subscription.discount_pct)
    fee = calculate_delivery_fee(line.line_total, free_from=rules.free_delivery_minimum, fee=rules.delivery_fee)
    amount = goods + fee
    if not problem and amount < SMALLEST:
        problem = f"Charges start at {format_money(SMALLEST)}."
    return RenewalPrice(line.unit_price, fee, amount, line.is_tracked, problem)


def discount_line(line: Line, discount_pct: Decimal) -> Decimal:
    """Return price × quantity × (1 − discount / 100), rounded half up once."""
    return round_half_up(line.unit_price * line.quantity * (100 - discount_pct) / 100)


def _mean_charge(
    subscription: Subscription, renewal: Renewal, *, today: date, by: Actor, request: Mapping[str, str]
) -> StripeIntent:
    parameters: dict[str, Any] = {
        "amount": to_cents(renewal.amount),
        "currency": CURRENCY,
        "customer": subscription.stripe_customer_id,
        "payment_method": subscription.stripe_payment_method_id,
        "off_session": True,
        "confirm": True,
        "allowed_payment_method_types": [_METHOD[SavedPayment(subscription.payment_type)]],
        "description": f"Subscription {subscription.id}, due {renewal.due_date.isoformat()}",
        # The business day of the attempt, from which its retries are counted.
        "metadata": {"subscription": str(subscription.id), "renewal": str(renewal.id), "day": today.isoformat()},
    }
    return make_intent(
        IntentKind.RENEWAL,
        renewal.amount,
        parameters=parameters,
        by=by,
        customer_id=subscription.customer_id,
        **request,
    )
