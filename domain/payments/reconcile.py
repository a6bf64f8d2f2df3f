"""Asks Stripe about everything that is not settled: lost answers, crashes between the parts, payments left lying.

Two reconcilers never ask about the same row at once. When Stripe is busy the pass ends and the rest waits.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from domain.actor import SYSTEM
from domain.clock import now
from domain.credit.ledger import move_credit
from domain.payments.ask import ask_stripe, withdraw_if_stale
from domain.payments.intents import UNHEARD, claim_due_intents, count_unknown, list_open_intents, read_intent
from domain.payments.settle_refund import settle_refund
from domain.payments.stripe_account import get_stripe
from integrations.errors import ServiceFailed
from integrations.stripe_client import Busy, StripeAccount, list_refunds
from models import CreditKind, IntentKind, IntentState, StripeIntent
from models.session import separate_transaction
from settings import Settings

RECONCILE_JOB = "reconcile_payments"
_AT_ONCE = 8
_A_PASS = 500
# Money that came without an order waits this long for the order before it becomes credit.
_ORDERLESS = timedelta(hours=1)
_RETRIES = 3


@dataclass(slots=True)
class Reconciled:
    """What a pass did: rows asked about, answers missing, rows still unknown afterwards."""

    asked: int = 0
    failed: int = 0
    unknown: int = 0


async def reconcile_payments(settings: Settings, *, ahead: timedelta = timedelta(0)) -> Reconciled:
    """One pass over what is due; `ahead` takes what is due within that time too."""
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

    await asyncio.gather(*(ask(intent) for intent in await claim_due_intents(_A_PASS, as_of=as_of)))
    await credit_orderless_payments()
    done.unknown = await count_unknown()
    return done


async def ask_or_withdraw(intent: StripeIntent, account: StripeAccount) -> None:
    """Ask about one row, and close the payment when nobody should make it any more."""
    if not await withdraw_if_stale(intent, account):
        was_unheard = intent.state in UNHEARD
        await ask_stripe(intent, account)
        if was_unheard:
            await withdraw_if_stale(await read_intent(intent.id), account)


async def withdraw_payments(order_id: int, settings: Settings) -> int:
    """Close the payments of an order that nobody should make any more; returns how many."""
    account = get_stripe(settings)
    found = await list_open_intents(order_id)
    return sum([await withdraw_if_stale(intent, account) for intent in found])


async def ask_about_refunds(payment_intent_id: str, settings: Settings) -> None:
    """Write down every refund of a payment, those made at Stripe's own site included."""
    for refund in await list_refunds(get_stripe(settings), payment_intent_id):
        await settle_refund(refund)


async def credit_orderless_payments() -> int:
    """Turn card payments whose order never came into their customer's store credit; returns how many."""
    async with separate_transaction() as db:
        rows = await db.execute(
            select(StripeIntent)
            .where(
                StripeIntent.kind == IntentKind.CARD,
                StripeIntent.state == IntentState.SUCCEEDED,
                StripeIntent.settled_at.is_(None),
                StripeIntent.order_id.is_(None),
                StripeIntent.customer_id.is_not(None),
                StripeIntent.updated_at < now() - _ORDERLESS,
            )
            .order_by(StripeIntent.customer_id, StripeIntent.id)
            .with_for_update(skip_locked=True)
        )
        found = list(rows.scalars())
        for intent in found:
            assert intent.customer_id is not None  # the statement asks for it
            await move_credit(
                db,
                intent.customer_id,
                intent.amount,
                kind=CreditKind.OVERPAYMENT,
                by=SYSTEM,
                note=f"Card payment {intent.provider_id} without an order",
            )
            intent.settled_at = now()
        return len(found)
