"""Asks Stripe about everything that is not settled: lost answers, crashes in between, abandoned payments.

Two reconcilers never ask about the same row at the same time. If Stripe is busy, the pass ends and the rest waits.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select

from domain.credit.ledger import move_credit
from domain.credit.owner import lock_owner
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.kernel.money import ZERO
from domain.payments.ask import ask_stripe, withdraw_if_stale
from domain.payments.intents import AWAITING_ANSWER, claim_due_intents, count_unknown, list_open_intents, read_intent
from domain.payments.stripe_account import get_stripe
from integrations.errors import ServiceFailed
from integrations.stripe_client import Busy, StripeAccount, fetch_payment
from models import CreditKind, IntentKind, IntentState, StripeIntent
from models.session import current_database, separate_transaction
from settings import Settings

log = logging.getLogger(__name__)
RECONCILE_JOB = "reconcile_payments"
_AT_ONCE = 8
_A_PASS = 500
_RETRIES = 3
# Money without an order waits an hour for the order before it becomes store credit.
_ORDERLESS_PAID = (
    StripeIntent.kind == IntentKind.CARD,
    StripeIntent.state == IntentState.SUCCEEDED,
    StripeIntent.settled_at.is_(None),
    StripeIntent.order_id.is_(None),
    StripeIntent.customer_id.is_not(None),
    StripeIntent.updated_at < func.now() - timedelta(hours=1),
)


@dataclass(slots=True)
class Reconciled:
    """The result of a pass: the number of rows asked about, of missing answers, and of rows that are still unknown."""

    asked: int = 0
    failed: int = 0
    unknown: int = 0


async def reconcile_payments(settings: Settings, *, ahead: timedelta = timedelta(0)) -> Reconciled:
    """Run one pass over the rows that are due; with `ahead`, also those due within that time."""
    account = get_stripe(settings, retries=_RETRIES)
    done = Reconciled()
    as_of = now() + ahead
    gate = asyncio.Semaphore(_AT_ONCE)
    busy = asyncio.Event()

    async def ask(intent: StripeIntent) -> None:
        async with gate:
            if busy.is_set():
                return
            done.asked += 1
            try:
                await ask_or_withdraw(intent, account)
            except Busy:
                done.failed += 1
                busy.set()
            except ServiceFailed:
                done.failed += 1
            except Exception:
                # A row that can't be recorded must not keep the others waiting.
                log.exception("A payment could not be settled", extra={"intent_id": intent.id})
                done.failed += 1

    await asyncio.gather(*(ask(intent) for intent in await claim_due_intents(_A_PASS, as_of=as_of)))
    if not busy.is_set():
        await _credit_orderless_payments(account)
    done.unknown = await count_unknown()
    return done


async def ask_or_withdraw(intent: StripeIntent, account: StripeAccount) -> None:
    """Ask about one row, and cancel the payment if it must not be made any more."""
    if not await withdraw_if_stale(intent, account):
        was_unanswered = intent.state in AWAITING_ANSWER
        await ask_stripe(intent, account)
        if was_unanswered:
            await withdraw_if_stale(await read_intent(intent.id), account)


async def withdraw_payments(pays: ColumnElement[bool], settings: Settings) -> int:
    """Cancel open payments of an order or invoice that must not be made any more. Returns the number cancelled.

    One that is just being made is asked about first. Raises Stripe's error once all were tried.
    """
    account = get_stripe(settings)
    closed, failures = 0, []
    for intent in await list_open_intents(pays):
        try:
            await ask_or_withdraw(intent, account)
            closed += (await read_intent(intent.id)).state == IntentState.CANCELLED
        except ServiceFailed as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return closed


async def _credit_orderless_payments(account: StripeAccount) -> None:
    """Turn card payments whose order was never placed into their customer's store credit.

    Stripe is asked first, because what was refunded there in the meantime is no credit. If it is busy, the rest waits.
    """
    async with current_database().session() as db:
        rows = await db.execute(select(StripeIntent).where(*_ORDERLESS_PAID).order_by(StripeIntent.id))
        found = list(rows.scalars())
    for intent in found:
        assert intent.provider_id is not None  # it has succeeded
        try:
            payment = await fetch_payment(account, intent.provider_id)
        except Busy:
            return
        except ServiceFailed as failure:
            log.warning("Money without an order waits: %s", failure, extra={"intent_id": intent.id})
            continue
        await _credit_orderless(intent, payment.received - payment.refunded)


async def _credit_orderless(asked: StripeIntent, amount: Decimal) -> None:
    """Add the credit, unless the payment was linked or credited since. Locks the customer, then the intent."""
    async with separate_transaction() as db:
        await lock_owner(db, select(StripeIntent.customer_id).where(StripeIntent.id == asked.id))
        intent = (
            await db.execute(
                select(StripeIntent).where(StripeIntent.id == asked.id, *_ORDERLESS_PAID).with_for_update()
            )
        ).scalar_one_or_none()
        if intent is None or intent.customer_id is None:
            return
        intent.settled_at = now()
        if amount > ZERO:
            await move_credit(
                db,
                intent.customer_id,
                amount,
                kind=CreditKind.OVERPAYMENT,
                by=SYSTEM,
                note=f"Card payment {intent.provider_id} without an order",
            )
