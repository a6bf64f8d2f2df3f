"""Stripe's webhooks: an event says that something happened to an object, and then Stripe is asked for that object.

Events may therefore arrive in any order and any number of times: what is recorded is always Stripe's current state.
"""

import re

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.jobs.webhook_inbox import processes, store_event
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotConfigured
from domain.payments.ask import settle_refunds, settle_session, settle_with_refunds
from domain.payments.intents import CHECKOUTS
from domain.payments.settle_refund import settle_dispute
from domain.payments.stripe_account import get_stripe
from integrations.stripe_client import fetch_dispute, fetch_payment, fetch_session, read_event
from models import IntentKind, StripeIntent, WebhookEvent
from models.session import current_database
from settings import Settings

PROVIDER = "stripe"
ASK_JOB = "ask_stripe"
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,255}")


async def receive_event(db: AsyncSession, body: bytes, signature: str, *, settings: Settings) -> bool:
    """Store a signed event once. Returns False if it was already received.

    Raises InvalidInput if it is not signed by Stripe or is older than five minutes, and NotConfigured without the
    secret.
    """
    if not settings.stripe_webhook_secret:
        raise NotConfigured("Stripe events are not accepted: the setting STRIPE_WEBHOOK_SECRET is missing.")
    try:
        event = read_event(body, signature, settings.stripe_webhook_secret)
        event_id, kind = _read_word(event["id"]), _read_word(event["type"])
        thing = event["data"]["object"]
        # Only ids are needed later, so no other data about the payment is stored.
        kept = {name: _read_id(thing.get(name)) for name in ("id", "object", "payment_intent")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidInput(
            "This event was not signed by Stripe within the last five minutes.", code=Code.BAD_SIGNATURE
        ) from None
    return await store_event(db, PROVIDER, event_id, kind, kept)


def _read_id(value: object) -> str:
    """Return an id, or the id of an object sent as a whole; empty for none, and for ids chosen by people (products)."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _read_word(value: object) -> str:
    """Return a string in the format of Stripe's ids and kinds. Raises ValueError for anything else."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("This is not a valid Stripe event.")
    return value


@processes(PROVIDER)
async def process_stripe_event(db: AsyncSession, event: WebhookEvent) -> None:
    """Ask Stripe about the event's object once this transaction is over, because none may be open during the call."""
    family = event.kind.rsplit(".", 1)[0]
    found, payment = event.payload.get("id", ""), event.payload.get("payment_intent", "")
    asked = {
        "payment_intent": {"payment_intent_id": found},
        "checkout.session": {"session_id": found},
        "refund": {"refunds_of": payment},
        "charge": {"refunds_of": payment},
        "charge.refund": {"refunds_of": payment},
        "charge.dispute": {"dispute_id": found, "payment_intent_id": payment},
    }.get(family)
    if asked and all(asked.values()):
        await enqueue(db, ASK_JOB, asked)


async def ask_about(asked: dict[str, str], settings: Settings) -> None:
    """Ask Stripe about what an event named, and record the answer. Raises ServiceFailed if there is none."""
    account = get_stripe(settings)
    if payment_intent_id := asked.get("payment_intent_id") or asked.get("refunds_of"):
        # The event of a refund or a dispute may arrive before the payment's own.
        payment = await fetch_payment(account, payment_intent_id)
        is_ours = await settle_with_refunds(payment, account) is not None
        # A failed refund is removed from its charge, so for events about refunds all refunds are requested.
        if is_ours and not payment.refunded and "refunds_of" in asked:
            await settle_refunds(payment_intent_id, account)
    if session_id := asked.get("session_id"):
        await _ask_about_session(session_id, settings)
    if dispute_id := asked.get("dispute_id"):
        await settle_dispute(await fetch_dispute(account, dispute_id))


async def _ask_about_session(session_id: str, settings: Settings) -> None:
    """Handle a checkout event; the checkout is ours if we have its id, or if its metadata contains one of our keys."""
    account = get_stripe(settings)
    session = await fetch_session(account, session_id)
    key = session.metadata.get("intent_key", "")
    async with current_database().reading() as connection:
        ours = (StripeIntent.provider_id == session.id) | (StripeIntent.idempotency_key == key)
        found = select(StripeIntent.id).where(ours, StripeIntent.kind.in_((*CHECKOUTS, IntentKind.SETUP)))
        # Metadata can be copied at Stripe; an id can't.
        found = found.order_by(StripeIntent.idempotency_key == key).limit(1)
        intent_id = (await connection.execute(found)).scalar_one_or_none()
    if intent_id is not None:
        await settle_session(session, intent_id=intent_id, account=account)
