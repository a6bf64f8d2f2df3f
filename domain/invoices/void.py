"""Deletes drafts and voids sent invoices, which keep their numbers, so that there are no gaps."""

from decimal import Decimal

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.give_back import turn_into_credit
from domain.invoices.record import find_order_invoice, lock_invoice, name_invoice, record_invoice_event
from domain.invoices.refund_rows import TO_GIVE_BACK
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.live import Topic, announce
from domain.kernel.money import ZERO, format_money
from domain.orders.attention import add_attention
from domain.payments.withdraw import withdraw_from_invoice_later
from models import AuditAction, GivenFor, Invoice, InvoiceEventKind, InvoiceStatus, Order


async def delete_invoice(db: AsyncSession, invoice_id: int, *, by: Actor, version: int | None = None) -> str:
    """Delete a draft; void an invoice that was sent or paid. Returns what happened, as a sentence."""
    require(by, Right.EDIT_INVOICES, "Your role does not delete invoices.")
    invoice = await lock_invoice(db, invoice_id, version=version)
    name = name_invoice(invoice)
    if invoice.status == InvoiceStatus.DRAFT:
        await delete_draft(db, invoice, by=by)
        return f"{name} is deleted."
    if invoice.status == InvoiceStatus.VOID:
        return f"{name} is already void; its number is kept."
    was = "was paid" if invoice.status == InvoiceStatus.PAID else "was sent"
    credited = await void_locked_invoice(db, invoice, by=by)
    more = f" {format_money(credited)} paid on it is now store credit." if credited else ""
    if invoice.attention:
        more = f" {invoice.attention}"
    return f"{name} {was}, so it was voided instead of deleted.{more}"


async def end_order_invoice(db: AsyncSession, order: Order, *, by: Actor) -> str | None:
    """Void the open invoice of a locked, cancelled order; delete a draft. Returns its number, "draft", or None."""
    invoice = await find_order_invoice(db, order.id)
    if invoice is None:
        return None
    number = invoice.invoice_number or "draft"
    if invoice.status == InvoiceStatus.DRAFT:
        await delete_draft(db, invoice, by=by)
    else:
        await void_locked_invoice(db, invoice, by=by, note=f"{order.order_number} was cancelled")
    return number


async def void_locked_invoice(db: AsyncSession, invoice: Invoice, *, by: Actor, note: str = "") -> Decimal:
    """Void a locked invoice. What was paid on one without an order becomes store credit.

    Returns the amount that became store credit. An order's payments stay with the order.
    """
    returned = ZERO
    if invoice.order_id is None and invoice.amount_paid > ZERO:
        returned = await _credit_payments(db, invoice, by=by)
    invoice.status = InvoiceStatus.VOID
    invoice.voided_at = now()
    changes = {"credited": format_money(returned)} if returned else None
    await record_invoice_event(db, invoice, InvoiceEventKind.VOIDED, by=by, note=note, changes=changes)
    await withdraw_from_invoice_later(db, invoice.id)
    return returned


async def delete_draft(db: AsyncSession, invoice: Invoice, *, by: Actor) -> None:
    """Delete a locked draft and record it in the audit trail."""
    await record_audit(
        db,
        action=AuditAction.INVOICE_DELETED,
        record_kind="invoice",
        record_id=invoice.id,
        record_name=name_invoice(invoice),
        before={"total_amount": str(invoice.total_amount), "customer_name": invoice.customer_name},
        by=by,
    )
    await db.execute(delete(Invoice).where(Invoice.id == invoice.id))
    await announce(db, Topic.INVOICES, invoice.id)


async def _credit_payments(db: AsyncSession, invoice: Invoice, *, by: Actor) -> Decimal:
    """Turn what was paid on a locked invoice into its customer's store credit; without a customer, it needs attention.

    Returns the amount that became store credit.
    """
    amount = invoice.amount_paid
    if invoice.customer_id is None:
        add_attention(invoice, f"{format_money(amount)} {TO_GIVE_BACK}")
        return ZERO
    note = f"{invoice.invoice_number} was voided"
    return await turn_into_credit(db, invoice, amount, GivenFor.CANCELLED, note=note, by=by)
