"""Creates a draft with the lines and details of another invoice, without its payments."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.create import ADDRESS
from domain.invoices.lines import list_lines, write_lines
from domain.invoices.record import name_invoice, record_invoice_event
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.money import ZERO
from models import Invoice, InvoiceEventKind

_COPIED = (
    "customer_id",
    "customer_name",
    "customer_company",
    "customer_email",
    "customer_phone",
    *ADDRESS,
    "po_number",
    "payment_method",
    "payment_terms",
    "notes",
    "internal_notes",
    "subtotal",
    "shipping_fee",
    "tax_rate",
)


async def copy_invoice(db: AsyncSession, invoice_id: int, *, by: Actor) -> Invoice:
    """Create a draft like the invoice, without its order, number, dates and payments. Raises NotFound."""
    require(by, Right.EDIT_INVOICES, "Your role does not make invoices.")
    source = await db.get(Invoice, invoice_id)
    if source is None:
        raise NotFound("There is no such invoice.")
    discount = min(source.discount_amount, source.subtotal)
    copy = Invoice(
        **{name: getattr(source, name) for name in _COPIED},
        discount_amount=discount,
        tax_amount=source.tax_amount,
        total_amount=max(source.subtotal - discount + source.shipping_fee + source.tax_amount, ZERO),
        **by.columns,
    )
    db.add(copy)
    await db.flush()
    await write_lines(db, copy.id, await list_lines(db, invoice_id))
    await record_invoice_event(db, copy, InvoiceEventKind.CREATED, by=by, note=f"Copied from {name_invoice(source)}")
    return copy
