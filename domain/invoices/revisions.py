"""Revisions: each stores the whole invoice as it was sent, and its PDF once it is made."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.lines import Line, list_lines
from domain.invoices.record import name_invoice
from domain.kernel.actor import Actor
from domain.kernel.addresses import compose_address
from models import Invoice, InvoiceRevision, Order

TEXTS = (
    "customer_name",
    "customer_company",
    "customer_email",
    "customer_phone",
    "customer_address",
    "customer_city",
    "customer_state",
    "customer_zip",
    "po_number",
    "payment_method",
    "payment_terms",
    "notes",
)
AMOUNTS = (
    "subtotal",
    "discount_amount",
    "shipping_fee",
    "tax_rate",
    "tax_amount",
    "total_amount",
    "amount_paid",
    "allowances",
)


async def describe_invoice(db: AsyncSession, invoice: Invoice) -> dict[str, Any]:
    """Return the whole invoice as plain values, as its PDF shows it."""
    order = await db.get(Order, invoice.order_id) if invoice.order_id is not None else None
    return (
        {name: getattr(invoice, name) for name in TEXTS}
        | {name: str(getattr(invoice, name)) for name in AMOUNTS}
        | {
            "invoice_number": name_invoice(invoice),
            "revision": invoice.revision,
            "order_number": order.order_number if order else None,
            "sent_at": invoice.sent_at.isoformat() if invoice.sent_at else None,
            "due_date": invoice.due_date.isoformat() if invoice.due_date else None,
            "deliver_to": _describe_delivery(order) if order else [],
            "items": [_describe_line(line) for line in await list_lines(db, invoice.id)],
        }
    )


async def keep_revision(db: AsyncSession, invoice: Invoice, *, by: Actor) -> None:
    """Increment the revision of a locked invoice and store its current content."""
    invoice.revision += 1
    db.add(
        InvoiceRevision(
            invoice_id=invoice.id,
            revision=invoice.revision,
            content=await describe_invoice(db, invoice),
            **by.columns,
        )
    )
    await db.flush()


def _describe_line(line: Line) -> dict[str, Any]:
    return {
        "description": line.description,
        "sku": line.sku,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
        "line_total": str(line.line_total),
    }


def _describe_delivery(order: Order) -> list[str]:
    place = compose_address("", order.delivery_city, order.delivery_state, order.delivery_zip)
    lines = (order.delivery_company, order.delivery_name, order.delivery_address, place)
    return [line for line in lines if line]
