"""The rows of our acts at Stripe, from the key that is committed before the call to the end that Stripe reports.

A row leaves `intended` and `unknown` by Stripe's own word only; how often it was asked decides when it is asked again.
"""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Exists, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.clock import now
from models import IntentKind, IntentState, Invoice, InvoiceCheckout, StripeIntent
from models.session import current_database, separate_transaction

UNSETTLED = (IntentState.INTENDED, IntentState.UNKNOWN, IntentState.OPEN, IntentState.PENDING)
# Nobody knows yet whether Stripe has it.
AWAITING_ANSWER = (IntentState.INTENDED, IntentState.UNKNOWN)
# A customer could still pay it.
UNPAID = (*AWAITING_ANSWER, IntentState.OPEN)
# Stripe's own pages, opened for an order or for invoices.
CHECKOUTS = (IntentKind.CHECKOUT, IntentKind.INVOICE)
# What customers pay by; a refund gives money back.
PAYING = (IntentKind.CARD, *CHECKOUTS)
# What brings money: their acts, and ours with what they saved.
CHARGING = (*PAYING, IntentKind.RENEWAL)
# Stripe forgets keys after a day; from then on a row is looked for by the key in its metadata.
KEYS_LAST = timedelta(hours=23)
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(hours=1)
_OPEN_PAUSE = timedelta(minutes=10)
_LONGEST_OPEN_PAUSE = timedelta(hours=6)
# A request that made the row is given this long before anybody else asks about it.
_GRACE = timedelta(seconds=60)


def make_intent(
    kind: IntentKind, amount: Decimal, *, parameters: dict[str, Any], by: Actor, **links: Any
) -> StripeIntent:
    """A row for an act at Stripe with a key of its own, which stands in the object's metadata too."""
    key = secrets.token_hex(16)
    return StripeIntent(
        kind=kind,
        amount=amount,
        idempotency_key=key,
        parameters=parameters | {"metadata": parameters.get("metadata", {}) | {"intent_key": key}},
        next_ask_at=now() + _GRACE,
        **by.columns,
        **links,
    )


async def read_intent(intent_id: int) -> StripeIntent:
    """The row as it is now, without a lock."""
    async with current_database().session() as db:
        return (await db.execute(select(StripeIntent).where(StripeIntent.id == intent_id))).scalar_one()


async def lock_intent(db: AsyncSession, intent_id: int) -> StripeIntent:
    """The row, locked; after customer and order, always."""
    return (
        await db.execute(
            select(StripeIntent)
            .where(StripeIntent.id == intent_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one()


async def note_made(
    intent: StripeIntent, provider_id: str, *, url: str = "", expires_at: datetime | None = None
) -> None:
    """Stripe has it, under this id; an event that was quicker may have recorded how far it has come."""
    async with separate_transaction() as db:
        await db.execute(
            update(StripeIntent)
            .where(
                StripeIntent.id == intent.id,
                or_(StripeIntent.state.in_(AWAITING_ANSWER), StripeIntent.provider_id.is_(None)),
            )
            .values(
                state=case((StripeIntent.state.in_(AWAITING_ANSWER), IntentState.OPEN), else_=StripeIntent.state),
                provider_id=provider_id,
                url=url,
                expires_at=expires_at,
                last_error="",
                next_ask_at=now() + _OPEN_PAUSE,
                updated_at=now(),
            )
        )


async def record_no_answer(intent: StripeIntent, error: str, *, wait_seconds: float = 0) -> None:
    """Stripe's answer is missing: an act that was under way is unknown now, and asked about ever more rarely."""
    pause = min(_FIRST_PAUSE * 2 ** min(intent.attempts, 10), _LONGEST_PAUSE)
    async with separate_transaction() as db:
        await db.execute(
            update(StripeIntent)
            .where(StripeIntent.id == intent.id, StripeIntent.state.in_(UNSETTLED))
            .values(
                # The row may have been made meanwhile: what is known of it stays known.
                state=case((StripeIntent.state.in_(AWAITING_ANSWER), IntentState.UNKNOWN), else_=StripeIntent.state),
                attempts=StripeIntent.attempts + 1,
                last_error=error,
                next_ask_at=now() + max(pause, timedelta(seconds=wait_seconds)),
                updated_at=now(),
            )
        )


async def expect_end(db: AsyncSession, provider_id: str) -> None:
    """Somebody says that an open payment is made: Stripe is asked soon, even if the asking at hand is cut off."""
    soon = now() + _GRACE
    await db.execute(
        update(StripeIntent)
        .where(
            StripeIntent.provider_id == provider_id,
            StripeIntent.state == IntentState.OPEN,
            StripeIntent.next_ask_at > soon,
        )
        .values(next_ask_at=soon)
    )


async def note_still_open(intent: StripeIntent) -> None:
    """Nobody has paid yet: ask again later, and ever more rarely."""
    async with separate_transaction() as db:
        await db.execute(
            update(StripeIntent)
            .where(StripeIntent.id == intent.id, StripeIntent.state.in_(UNPAID))
            .values(
                state=IntentState.OPEN,
                attempts=StripeIntent.attempts + 1,
                next_ask_at=now() + min(_OPEN_PAUSE * 2 ** min(intent.attempts, 6), _LONGEST_OPEN_PAUSE),
            )
        )


def settle_intent(intent: StripeIntent, state: IntentState, *, error: str = "") -> None:
    """Put Stripe's word on a locked row; one that waits on is asked about again later."""
    intent.state = state
    intent.last_error = error
    intent.updated_at = now()
    if state in UNSETTLED:
        intent.next_ask_at = now() + _OPEN_PAUSE * (1 + min(intent.attempts, 5))
    elif intent.settled_at is None:
        intent.settled_at = now()


async def claim_due_intents(limit: int, *, as_of: datetime) -> list[StripeIntent]:
    """Rows that are due to be asked about; another reconciler leaves them alone for two minutes."""
    async with separate_transaction() as db:
        found = list(
            (
                await db.execute(
                    select(StripeIntent)
                    .where(StripeIntent.state.in_(UNSETTLED), StripeIntent.next_ask_at <= as_of)
                    .order_by(StripeIntent.next_ask_at)
                    .limit(limit)
                    .with_for_update(skip_locked=True)
                )
            ).scalars()
        )
        for intent in found:
            intent.next_ask_at = max(now(), as_of) + timedelta(minutes=2)
        return found


async def list_open_intents(pays: ColumnElement[bool]) -> list[StripeIntent]:
    """Payments that a customer could still make, of the order or the invoice that the condition names."""
    async with current_database().session() as db:
        rows = await db.execute(
            select(StripeIntent).where(pays, StripeIntent.kind.in_(PAYING), StripeIntent.state.in_(UNPAID))
        )
        return list(rows.scalars())


def pays_order(order_id: int) -> ColumnElement[bool]:
    """The condition of a payment that is an order's, or one of a checkout of its invoice among others."""
    invoices = select(Invoice.id).where(Invoice.order_id == order_id)
    of_invoice = select(InvoiceCheckout.intent_id).where(InvoiceCheckout.invoice_id.in_(invoices))
    return or_(StripeIntent.order_id == order_id, StripeIntent.id.in_(of_invoice))


def pays_invoice(invoice_id: int) -> ColumnElement[bool]:
    """The condition of a checkout of an invoice, perhaps among others."""
    return StripeIntent.id.in_(select(InvoiceCheckout.intent_id).where(InvoiceCheckout.invoice_id == invoice_id))


def is_bank_working(order_id: int) -> Exists:
    """The condition that a bank works on a payment of an order, which takes days; refunds are another matter."""
    return exists().where(
        pays_order(order_id),
        StripeIntent.kind.in_(CHARGING),
        StripeIntent.state == IntentState.PENDING,
    )


async def has_money_without_order(db: AsyncSession, customer_id: int) -> bool:
    """True while money that a customer has paid at Stripe waits for its order, or is on its way from the bank."""
    waiting = exists().where(
        StripeIntent.customer_id == customer_id,
        StripeIntent.order_id.is_(None),
        StripeIntent.kind == IntentKind.CARD,
        StripeIntent.state.in_((IntentState.PENDING, IntentState.SUCCEEDED)),
        StripeIntent.settled_at.is_(None),
    )
    found: bool = (await db.execute(select(waiting))).scalar_one()
    return found


async def count_unknown() -> int:
    """How many acts at Stripe nobody knows the end of."""
    async with current_database().reading() as connection:
        counted = select(func.count()).select_from(StripeIntent).where(StripeIntent.state.in_(AWAITING_ANSWER))
        return int((await connection.execute(counted)).scalar_one())
