"""Records Stripe's results of checkouts for invoices: one receipt for all of them, once.

Each result is settled in one transaction that locks customer, orders, invoices and intent, in this order. The same
results, repeated or in any order, leave the same rows.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.receive import apply_receipt, lock_invoices
from domain.invoices.record import record_invoice_event
from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.money import format_money
from domain.orders.attention import add_attention
from domain.payments.charges import settles
from domain.payments.intents import lock_intent, settle_intent
from domain.payments.refund_rows import prepare_order_refunds
from integrations.stripe_client import CURRENCY, StripePayment
from models import (
    IntentKind,
    IntentState,
    Invoice,
    InvoiceCheckout,
    InvoiceEventKind,
    Order,
    OrderStatus,
    PaymentMethod,
    Receipt,
    StripeIntent,
)
from models.session import separate_transaction

_OVER = (IntentState.SUCCEEDED, IntentState.CANCELLED, IntentState.FAILED)


@settles(IntentKind.INVOICE)
async def settle_invoice_checkout(intent_id: int, payment: StripePayment | None, error: str) -> IntentState:
    """Record Stripe's state of a checkout on its invoices."""
    async with separate_transaction() as db:
        lines = await db.execute(select(InvoiceCheckout.invoice_id).where(InvoiceCheckout.intent_id == intent_id))
        invoices = await lock_invoices(db, list(lines.scalars()), are_together=True)
        intent = await lock_intent(db, intent_id)
        if payment is None:
            settle_intent(intent, IntentState.FAILED, error=error)
            return IntentState.FAILED
        intent.payment_intent_id = payment.id
        if payment.currency != CURRENCY:
            if payment.status == "succeeded":
                word = f"Stripe took {payment.id} in {payment.currency.upper()}, which is not counted."
                add_attention(invoices[0], word)
        elif payment.status == "succeeded":
            settle_intent(intent, IntentState.SUCCEEDED)
            await _receive(db, invoices, payment, by=Actor(SYSTEM.kind, name=intent.actor_name or SYSTEM.name))
        elif intent.state not in _OVER:
            await _settle_unpaid(db, intent, invoices, payment)
        await db.flush()
        return IntentState(intent.state)


async def _receive(db: AsyncSession, invoices: list[Invoice], payment: StripePayment, *, by: Actor) -> None:
    """Apply the money to the invoices, unless already recorded; money for a cancelled order is refunded at once."""
    if await db.scalar(select(Receipt.id).where(Receipt.provider_id == payment.id)) is not None:
        return
    await apply_receipt(
        db,
        invoices,
        payment.received,
        method=PaymentMethod(payment.method),
        by=by,
        reference=payment.id,
        provider_id=payment.id,
    )
    for invoice in invoices:
        if invoice.order_id is not None:
            order = await db.get_one(Order, invoice.order_id)
            if order.status == OrderStatus.CANCELLED:
                await prepare_order_refunds(db, order, by=SYSTEM)


async def _settle_unpaid(
    db: AsyncSession, intent: StripeIntent, invoices: list[Invoice], payment: StripePayment
) -> None:
    """Settle a pending bank payment, a declined card, or a cancelled payment."""
    before = intent.state
    changes = {"amount": format_money(payment.amount)}
    match payment.status:
        case "processing":
            settle_intent(intent, IntentState.PENDING)
            if before != IntentState.PENDING:
                for invoice in invoices:
                    await record_invoice_event(
                        db, invoice, InvoiceEventKind.PAYMENT_PENDING, by=SYSTEM, changes=changes
                    )
        case "canceled":
            settle_intent(intent, IntentState.CANCELLED)
        case _ if before == IntentState.PENDING and payment.error:
            # A checkout whose bank payment failed is over; the customer opens another.
            settle_intent(intent, IntentState.FAILED, error=payment.error)
            for invoice in invoices:
                await record_invoice_event(
                    db, invoice, InvoiceEventKind.PAYMENT_FAILED, by=SYSTEM, note=payment.error, changes=changes
                )
        case _:
            settle_intent(intent, IntentState.OPEN, error=payment.error)
