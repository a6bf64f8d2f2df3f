"""Cancels payments that a customer could still make for an old amount, after what an order owes has changed.

A job enqueued in the act's own transaction does it. Money that arrives before is a part payment or a surplus.
"""

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.payments.intents import PAYING, UNSETTLED, pays_invoice, pays_order
from models import Order, StripeIntent

WITHDRAW_JOB = "withdraw_payments"


async def withdraw_later(db: AsyncSession, order: Order) -> None:
    """Enqueue cancelling the payments that a customer could still make for a locked order that changed."""
    if await has_payment_under_way(db, order.id):
        await enqueue(db, WITHDRAW_JOB, {"order_id": order.id})


async def withdraw_from_invoice_later(db: AsyncSession, invoice_id: int) -> None:
    """Enqueue cancelling the checkouts that a customer could still pay for a locked invoice that changed."""
    if await _is_under_way(db, pays_invoice(invoice_id)):
        await enqueue(db, WITHDRAW_JOB, {"invoice_id": invoice_id})


async def has_payment_under_way(db: AsyncSession, order_id: int) -> bool:
    """Return True while a card payment or a checkout of the order may still bring money."""
    return await _is_under_way(db, pays_order(order_id))


async def _is_under_way(db: AsyncSession, pays: ColumnElement[bool]) -> bool:
    under_way = exists().where(pays, StripeIntent.kind.in_(PAYING), StripeIntent.state.in_(UNSETTLED))
    found: bool = (await db.execute(select(under_way))).scalar_one()
    return found
