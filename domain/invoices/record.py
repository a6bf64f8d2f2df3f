"""Loads one invoice for an act: locked after its customer and order, at the expected version. Writes its timeline."""

from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.owner import lock_owner
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.live import Topic, announce
from domain.kernel.money import ZERO
from models import Invoice, InvoiceEvent, InvoiceEventKind, InvoiceStatus, Order

OWED = (InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID)


async def lock_invoice(db: AsyncSession, invoice_id: int, *, version: int | None = None) -> Invoice:
    """Return the invoice, locked for the rest of the transaction, after its customer and its order.

    Raises NotFound for an unknown one, and Refused with code `stale` if `version` is not the invoice's current version.
    It does not check visibility: only the office acts on invoices, and it sees all of them.
    """
    await lock_owner(db, select(Invoice.customer_id).where(Invoice.id == invoice_id))
    order_id = await db.scalar(select(Invoice.order_id).where(Invoice.id == invoice_id))
    if order_id is not None:
        await db.execute(
            select(Order)
            .where(Order.id == order_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    invoice = (
        await db.execute(
            select(Invoice)
            .where(Invoice.id == invoice_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    if invoice is None:
        raise NotFound("There is no such invoice.")
    if version is not None and version != invoice.version:
        await _refuse_stale(db, invoice)
    return invoice


async def find_order_invoice(db: AsyncSession, order_id: int) -> Invoice | None:
    """Return the invoice of a locked order that is not void, locked too; None if there is none."""
    return (
        await db.execute(
            select(Invoice)
            .where(Invoice.order_id == order_id, Invoice.status != InvoiceStatus.VOID)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()


def name_invoice(invoice: Invoice) -> str:
    """Return the number of an invoice for people; for a draft `DRAFT-` and its id."""
    return invoice.invoice_number or f"DRAFT-{invoice.id}"


def calculate_invoice_balance(invoice: Invoice) -> Decimal:
    """Return what is still to be paid on an invoice, in US dollars; 0 for a void one."""
    if invoice.status == InvoiceStatus.VOID:
        return ZERO
    return max(invoice.total_amount - invoice.allowances - invoice.amount_paid, ZERO)


def settle_invoice_status(invoice: Invoice) -> None:
    """Update the status of a sent invoice from its amounts: paid if nothing is owed."""
    if invoice.status in {InvoiceStatus.DRAFT, InvoiceStatus.VOID}:
        return
    if calculate_invoice_balance(invoice) == ZERO:
        invoice.status = InvoiceStatus.PAID
        invoice.paid_at = invoice.paid_at or now()
        return
    invoice.status = InvoiceStatus.PARTLY_PAID if invoice.amount_paid > ZERO else InvoiceStatus.SENT
    invoice.paid_at = None


async def record_invoice_event(
    db: AsyncSession,
    invoice: Invoice,
    kind: InvoiceEventKind,
    *,
    by: Actor,
    note: str = "",
    changes: dict[str, Any] | None = None,
) -> None:
    """Add an event to the invoice's timeline, increment its version and notify live pages."""
    invoice.version += 1
    invoice.updated_at = now()
    db.add(
        InvoiceEvent(
            invoice_id=invoice.id,
            kind=kind,
            note=note,
            changes=changes,
            **by.columns,
        )
    )
    await db.flush()
    await announce(db, Topic.INVOICES, invoice.id)


async def _refuse_stale(db: AsyncSession, invoice: Invoice) -> None:
    last = (
        await db.execute(
            select(InvoiceEvent.actor_name, InvoiceEvent.created_at)
            .where(InvoiceEvent.invoice_id == invoice.id)
            .order_by(InvoiceEvent.id.desc())
            .limit(1)
        )
    ).first()
    changed_by = last.actor_name if last and last.actor_name else "someone"
    raise Refused(
        f"{changed_by} changed this invoice in the meantime.",
        code=Code.STALE,
        changed_by=changed_by,
        changed_at=last.created_at if last else invoice.updated_at,
        version=invoice.version,
    )
