"""Whatever changes what an order owes has the payments closed that a customer could still make of the old amount.

The closing is a job of the act's own transaction; money that is quicker than it is kept as a part payment or a surplus.
"""

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.payments.intents import PAYING, UNSETTLED, pays_invoice, pays_order
from models import Order, StripeIntent

WITHDRAW_JOB = "withdraw_payments"


async def withdraw_later(db: AsyncSession, order: Order) -> None:
    """Have the payments closed that a customer could still make for a locked order which changed."""
    if await has_payment_under_way(db, order.id):
        await enqueue(db, WITHDRAW_JOB, {"order_id": order.id})


async def withdraw_from_invoice_later(db: AsyncSession, invoice_id: int) -> None:
    """Have the checkouts closed that a customer could still pay for a locked invoice which changed."""
    if await _is_under_way(db, pays_invoice(invoice_id)):
        await enqueue(db, WITHDRAW_JOB, {"invoice_id": invoice_id})


async def has_payment_under_way(db: AsyncSession, order_id: int) -> bool:
    """True while a card payment or a checkout of the order may still bring money."""
    return await _is_under_way(db, pays_order(order_id))


async def _is_under_way(db: AsyncSession, pays: ColumnElement[bool]) -> bool:
    under_way = exists().where(pays, StripeIntent.kind.in_(PAYING), StripeIntent.state.in_(UNSETTLED))
    found: bool = (await db.execute(select(under_way))).scalar_one()
    return found
