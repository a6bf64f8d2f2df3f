"""Answers about invoices."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import PlainSerializer, WithJsonSchema

from api.schemas.base import Answer, MoneyOut, TimeOut
from domain.invoices.queries import ROW_NAMES, InvoiceItemRow, InvoiceRow

RateOut = Annotated[
    Decimal,
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"type": "number"}),  # validators that divide floats find 8.79 no multiple of 0.01
]


class InvoiceItemOut(Answer):
    product_id: int | None
    description: str
    """The description of the item on the invoice."""
    sku: str
    quantity: int
    unit_price: MoneyOut
    line_total: MoneyOut


class InvoiceOut(Answer):
    id: int
    invoice_number: str
    """From INV-000001; DRAFT-<id> until it is sent."""
    status: str
    """draft, sent, partly_paid, paid or void."""
    is_overdue: bool
    """True when the due date is past and a balance is left."""
    revision: int
    """0 for a draft, then the number of times it was sent or revised."""
    customer_id: int | None
    customer_name: str
    customer_company: str
    customer_email: str | None
    customer_phone: str | None
    customer_address: str
    customer_city: str
    customer_state: str
    customer_zip: str
    subtotal: MoneyOut
    discount_amount: MoneyOut
    shipping_fee: MoneyOut
    """US dollars; an order's delivery fee, not taxed."""
    tax_rate: RateOut
    """Percent."""
    tax_amount: MoneyOut
    total_amount: MoneyOut
    amount_paid: MoneyOut
    allowances: MoneyOut
    """US dollars deducted by credit memos."""
    balance: MoneyOut
    payment_method: str | None
    payment_terms: str
    """due_on_receipt, net15 or net30."""
    due_date: date | None
    notes: str
    internal_notes: str
    created_by: str
    created_at: TimeOut
    updated_at: TimeOut
    sent_at: TimeOut | None
    paid_at: TimeOut | None
    order_number: str | None
    """The order from which it was created."""
    po_number: str
    version: int
    items: list[InvoiceItemOut]


class DeletedInvoiceOut(Answer):
    success: bool = True
    message: str
    """Whether it was deleted or voided."""


class InvoiceProductOut(Answer):
    id: int
    name: str
    sku: str
    unit_price: MoneyOut
    bulk_price: MoneyOut | None
    unit_size: str
    brand: str


class CustomerInvoiceOut(Answer):
    id: int
    invoice_number: str
    status: str
    total_amount: MoneyOut
    balance: MoneyOut
    created_at: TimeOut
    due_date: date | None
    paid_at: TimeOut | None
    items: list[InvoiceItemOut]


class CustomerInvoicesOut(Answer):
    orders: list[CustomerInvoiceOut]
    """The customer's invoices, newest first; the key name is kept for compatibility."""


def show_invoice(row: InvoiceRow, items: list[InvoiceItemRow]) -> dict[str, Any]:
    """An invoice with its lines, as answers show it."""
    return {name: getattr(row, name) for name in ROW_NAMES} | {"items": items}


def show_invoices(rows: Iterable[InvoiceRow], items: dict[int, list[InvoiceItemRow]]) -> list[dict[str, Any]]:
    """Several of them."""
    return [show_invoice(row, items.get(row.id, [])) for row in rows]
