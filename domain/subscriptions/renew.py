"""Renews one subscription at once, or all that are due; each exactly once however many processes do it."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import date, tzinfo

from sqlalchemy import func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.idempotency import check_key, hash_request
from domain.access.rights import Right, require
from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.codes import Code
from domain.kernel.errors import KeyReused, Refused
from domain.orders.rules import OrderRules
from domain.payments.ask import ask_stripe
from domain.payments.intents import read_intent
from domain.payments.stripe_account import get_stripe
from domain.subscriptions import settle
from domain.subscriptions.enrol import find_subscription
from domain.subscriptions.list_subscriptions import RenewalLine, get_renewal
from domain.subscriptions.prepare import has_open_charge, prepare_renewal
from integrations.errors import ServiceFailed
from integrations.stripe_client import StripeAccount
from models import Renewal, RenewalStatus, Subscription, SubscriptionStatus
from models.session import current_database, separate_transaction
from settings import Settings

__all__ = ["RenewalResult", "RenewedSubscription", "process_due", "renew_subscription", "settle"]
log = logging.getLogger(__name__)
_AT_ONCE = 4
_DECIDED = (RenewalStatus.PROCESSING, RenewalStatus.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class RenewedSubscription:
    """The result of renewing a subscription at once. `is_replay` is true for a repeated request."""

    renewal: RenewalLine
    next_renewal_date: date
    is_replay: bool

    @property
    def success(self) -> bool:
        """True once there is an order, also if its bank debit is pending."""
        return self.renewal.order_number is not None and self.renewal.status != RenewalStatus.FAILED


@dataclass(frozen=True, slots=True)
class RenewalResult:
    """The result of one due renewal: the order's number, or why there is none."""

    subscription_id: int
    status: str
    order: str | None
    error: str | None


async def renew_subscription(
    subscription_id: int, *, by: Actor, caller: str, client_key: str | None, settings: Settings, rules: OrderRules
) -> RenewedSubscription:
    """Charge the saved payment method and write the order. A second renewal on the same day needs a key of its own.

    A declined charge is not a refusal but a failed renewal. A lost answer leaves it processing, and the reconciler
    asks. Raises NotFound, and Refused for a subscription that is not active, was renewed today, or has an open charge.
    """
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not renew subscriptions.")
    key = check_key(client_key) if client_key is not None else ""
    account: StripeAccount | None = None
    request = {
        "caller": caller,
        "client_key": key,
        "request_hash": hash_request(b"renew", str(subscription_id).encode()),
    }
    async with separate_transaction() as db:
        renewal_id = await _find_by_key(db, request) if key else None
        is_replay = renewal_id is not None
        if renewal_id is None:
            subscription = await find_subscription(db, subscription_id, visible_to=by, lock=True)
            await _check_renewable(db, subscription, settings.timezone, has_key=bool(key))
            account = get_stripe(settings)
            made = await prepare_renewal(
                db, subscription, rules=rules, today=business_today(settings.timezone), by=by, request=request
            )
            renewal_id = made.id
    if account:
        await _charge(renewal_id, account)
    line, subscription_id = await _read(renewal_id)
    async with current_database().session() as db:
        next_date = await db.scalar(select(Subscription.next_renewal_date).where(Subscription.id == subscription_id))
    assert next_date is not None  # the renewal would be gone with its subscription
    return RenewedSubscription(line, next_date, is_replay)


async def process_due(settings: Settings, *, rules: OrderRules, only: int | None = None) -> list[RenewalResult]:
    """Renew all subscriptions whose date or retry is due, or `only` one. Several of these may run at once."""
    today = business_today(settings.timezone)
    async with current_database().session() as db:
        if (await db.execute(_due(today, set(), only).limit(1))).first() is None:
            return []
    account = get_stripe(settings)
    results: list[RenewalResult] = []
    tried: set[int] = set()

    async def work() -> None:
        while (taken := await _take(today, tried, rules, only)) is not None:
            renewal_id, subscription_id = taken
            try:
                await _charge(renewal_id, account)
            except Exception:
                # A renewal that can't be recorded must not keep the others waiting; it is asked about again.
                log.exception("A renewal could not be settled", extra={"renewal_id": renewal_id})
            line, _ = await _read(renewal_id)
            results.append(RenewalResult(subscription_id, line.status, line.order_number, line.error))

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return sorted(results, key=lambda result: result.subscription_id)


def _due(today: date, tried: set[int], only: int | None):  # type: ignore[no-untyped-def] # SQLAlchemy's own type of it has no end
    has_open = (
        select(Renewal.id)
        .where(
            Renewal.subscription_id == Subscription.id,
            Renewal.status == RenewalStatus.PROCESSING,
            Renewal.order_id.is_(None),
        )
        .exists()
    )
    return (
        select(Subscription)
        .where(
            Subscription.id == only if only is not None else true(),
            Subscription.status == SubscriptionStatus.ACTIVE,
            Subscription.next_renewal_date <= today,
            func.coalesce(Subscription.retry_on, Subscription.next_renewal_date) <= today,
            Subscription.id.not_in(tried),
            ~has_open,
        )
        .order_by(Subscription.next_renewal_date, Subscription.id)
    )


async def _take(today: date, tried: set[int], rules: OrderRules, only: int | None) -> tuple[int, int] | None:
    """Prepare the next due renewal that is not locked elsewhere. Returns its id and its subscription's, or None."""
    while True:
        async with separate_transaction() as db:
            locked = _due(today, tried, only).limit(1).with_for_update(of=Subscription, skip_locked=True)
            subscription = (await db.execute(locked)).scalar_one_or_none()
            if subscription is None:
                return None
            tried.add(subscription.id)
            # A concurrent process may have prepared it between the start of the statement and the lock; its writes are
            # visible now.
            if await has_open_charge(db, subscription.id):
                continue
            renewal = await prepare_renewal(db, subscription, rules=rules, today=today, by=SYSTEM)
            return renewal.id, subscription.id


async def _charge(renewal_id: int, account: StripeAccount) -> None:
    """Ask Stripe for the prepared charge, if there is one; the reconciler handles a missing answer."""
    async with current_database().session() as db:
        intent_id = await db.scalar(select(Renewal.intent_id).where(Renewal.id == renewal_id))
    if intent_id is None:
        return
    try:
        await ask_stripe(await read_intent(intent_id), account)
    except ServiceFailed as failure:
        log.warning("A renewal's charge: %s", failure, extra={"renewal_id": renewal_id})


async def _read(renewal_id: int) -> tuple[RenewalLine, int]:
    async with current_database().reading() as connection:
        return await get_renewal(connection, renewal_id)


async def _find_by_key(db: AsyncSession, request: dict[str, str]) -> int | None:
    """Return the renewal made with this caller's key within a day. A concurrent request with the key waits here."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 1))")
    await db.execute(lock, {"key": f"{request['caller']}\x01{request['client_key']}"})
    kept = (
        await db.execute(
            select(Renewal.id, Renewal.request_hash)
            .where(
                Renewal.caller == request["caller"],
                Renewal.client_key == request["client_key"],
                Renewal.created_at > func.now() - text("interval '24 hours'"),
            )
            .order_by(Renewal.id.desc())
            .limit(1)
        )
    ).first()
    if kept is None:
        return None
    if kept.request_hash != request["request_hash"]:
        raise KeyReused("This Idempotency-Key was used for a different request. Send a new key.")
    return int(kept.id)


async def _check_renewable(db: AsyncSession, subscription: Subscription, zone: tzinfo, *, has_key: bool) -> None:
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Refused("The subscription is cancelled and can't be changed.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    if subscription.status != SubscriptionStatus.ACTIVE:
        raise Refused("Resume the subscription first.", code=Code.STATE_NOT_ALLOWED, allowed=["active", "cancelled"])
    morning = start_of_business_day(business_today(zone), zone)
    renewed = select(Renewal.id).where(
        Renewal.subscription_id == subscription.id, Renewal.status.in_(_DECIDED), Renewal.created_at >= morning
    )
    if not has_key and (await db.execute(renewed.limit(1))).first() is not None:
        raise Refused(
            "The subscription was renewed today. To renew it again, send an Idempotency-Key.",
            code=Code.RENEWED_TODAY,
        )
    if await has_open_charge(db, subscription.id):
        raise Refused(
            "Stripe has not decided on the last charge yet. Look again in a few minutes.", code=Code.RENEWAL_RUNNING
        )
