"""The rows of our acts at Stripe, from committing the key before the call to the final state that Stripe reports.

Only Stripe's answer moves a row out of `intended` and `unknown`. The number of attempts decides when Stripe is asked
again.
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
# It is not known yet whether Stripe has it.
AWAITING_ANSWER = (IntentState.INTENDED, IntentState.UNKNOWN)
# A customer could still pay it.
UNPAID = (*AWAITING_ANSWER, IntentState.OPEN)
# Stripe's own pages, opened for an order or for invoices.
CHECKOUTS = (IntentKind.CHECKOUT, IntentKind.INVOICE)
# Customers' payments; a refund gives money back.
PAYING = (IntentKind.CARD, *CHECKOUTS)
# All that brings money: customers' payments, and our charges of saved payment methods.
CHARGING = (*PAYING, IntentKind.RENEWAL)
# Stripe forgets keys after a day; after this time a row is found by the key in its metadata.
KEYS_LAST = timedelta(hours=23)
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(hours=1)
_OPEN_PAUSE = timedelta(minutes=10)
_LONGEST_OPEN_PAUSE = timedelta(hours=6)
# How long only the request that made the row asks about it.
_GRACE = timedelta(seconds=60)


def make_intent(
    kind: IntentKind, amount: Decimal, *, parameters: dict[str, Any], by: Actor, **links: Any
) -> StripeIntent:
    """Make a row for an act at Stripe with its own key, which is also in the object's metadata."""
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
    """Return the current row without a lock."""
    async with current_database().session() as db:
        return (await db.execute(select(StripeIntent).where(StripeIntent.id == intent_id))).scalar_one()


async def lock_intent(db: AsyncSession, intent_id: int) -> StripeIntent:
    """Return the row, locked. Always lock customer and order before it."""
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
    """Record Stripe's id for a row. An event that arrived before may already have recorded its state."""
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
    """Record that Stripe did not answer: an unfinished act becomes unknown, and is asked about at growing intervals."""
    pause = min(_FIRST_PAUSE * 2 ** min(intent.attempts, 10), _LONGEST_PAUSE)
    async with separate_transaction() as db:
        await db.execute(
            update(StripeIntent)
            .where(StripeIntent.id == intent.id, StripeIntent.state.in_(UNSETTLED))
            .values(
                # The row may have been updated in the meantime; that state is kept.
                state=case((StripeIntent.state.in_(AWAITING_ANSWER), IntentState.UNKNOWN), else_=StripeIntent.state),
                attempts=StripeIntent.attempts + 1,
                last_error=error,
                next_ask_at=now() + max(pause, timedelta(seconds=wait_seconds)),
                updated_at=now(),
            )
        )


async def expect_end(db: AsyncSession, provider_id: str) -> None:
    """Ask Stripe soon about an open payment that is said to be made, even if the current request is interrupted."""
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
    """Record that it is not paid yet; it is asked about again at growing intervals."""
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
    """Set Stripe's state on a locked row. One that is not settled is asked about again later."""
    intent.state = state
    intent.last_error = error
    intent.updated_at = now()
    if state in UNSETTLED:
        intent.next_ask_at = now() + _OPEN_PAUSE * (1 + min(intent.attempts, 5))
    elif intent.settled_at is None:
        intent.settled_at = now()


async def claim_due_intents(limit: int, *, as_of: datetime) -> list[StripeIntent]:
    """Return rows that are due to be asked about; other reconcilers skip them for two minutes."""
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
    """Return payments that a customer could still make for the order or invoice of the condition."""
    async with current_database().session() as db:
        rows = await db.execute(
            select(StripeIntent).where(pays, StripeIntent.kind.in_(PAYING), StripeIntent.state.in_(UNPAID))
        )
        return list(rows.scalars())


def pays_order(order_id: int) -> ColumnElement[bool]:
    """The condition for a payment of an order, or for a checkout that includes its invoice."""
    invoices = select(Invoice.id).where(Invoice.order_id == order_id)
    of_invoice = select(InvoiceCheckout.intent_id).where(InvoiceCheckout.invoice_id.in_(invoices))
    return or_(StripeIntent.order_id == order_id, StripeIntent.id.in_(of_invoice))


def pays_invoice(invoice_id: int) -> ColumnElement[bool]:
    """The condition for a checkout that includes an invoice."""
    return StripeIntent.id.in_(select(InvoiceCheckout.intent_id).where(InvoiceCheckout.invoice_id == invoice_id))


def is_bank_working(order_id: int) -> Exists:
    """The condition that a bank payment for an order is pending, which takes days; refunds do not count."""
    return exists().where(
        pays_order(order_id),
        StripeIntent.kind.in_(CHARGING),
        StripeIntent.state == IntentState.PENDING,
    )


async def has_money_without_order(db: AsyncSession, customer_id: int) -> bool:
    """Return True while money that a customer paid at Stripe has no order yet, or is pending at the bank."""
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
    """Return the number of acts at Stripe whose result is unknown."""
    async with current_database().reading() as connection:
        counted = select(func.count()).select_from(StripeIntent).where(StripeIntent.state.in_(AWAITING_ANSWER))
        return int((await connection.execute(counted)).scalar_one())
