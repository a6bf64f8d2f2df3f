"""Sends an invoice: it is no longer a draft, gets its number, and is owed from then on."""

from datetime import tzinfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.credit_given import check_may_override, settle_credit_given
from domain.invoices.numbers import INVOICES, issue_number
from domain.invoices.record import record_invoice_event, settle_invoice_status
from domain.invoices.revisions import keep_revision
from domain.invoices.terms import set_due_date
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.money import ZERO, format_money
from models import Invoice, InvoiceEventKind, InvoiceStatus, Order, OrderStatus


async def issue_invoice(
    db: AsyncSession, invoice: Invoice, *, by: Actor, timezone: tzinfo, overrides: bool = False
) -> None:
    """Number a locked draft and store its first revision.

    Raises Refused if its order was cancelled or put on hold, and if its customer's terms do not cover it, unless a
    manager `overrides`. Locks the number series until the transaction ends; the customer must be locked.
    """
    check_may_override(overrides, by)
    if invoice.order_id is not None:
        check_order_may_be_invoiced(await db.get_one(Order, invoice.order_id))
    invoice.sent_at = now()
    set_due_date(invoice, timezone=timezone)
    uncovered = await settle_credit_given(db, invoice, before=ZERO, overrides=overrides, timezone=timezone)
    invoice.invoice_number = await issue_number(db, INVOICES)
    invoice.status = InvoiceStatus.SENT
    settle_invoice_status(invoice)
    await keep_revision(db, invoice, by=by)
    await record_invoice_event(
        db,
        invoice,
        InvoiceEventKind.SENT,
        by=by,
        note=uncovered,
        changes={"total_amount": format_money(invoice.total_amount)},
    )


def check_order_may_be_invoiced(order: Order) -> None:
    """Raise Refused for an order that is cancelled or on hold."""
    if order.status == OrderStatus.CANCELLED:
        raise Refused(f"{order.order_number} is cancelled; there is nothing to invoice.", code=Code.ORDER_CANCELLED)
    if order.on_hold:
        raise Refused(f"{order.order_number} is on hold: {order.hold_reason}", code=Code.ON_HOLD)
