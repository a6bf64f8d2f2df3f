"""Creates invoices: typed by staff, or from an order, with exactly the order's lines and amounts."""

from datetime import tzinfo
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.credit_given import check_may_override
from domain.invoices.lines import InvoiceLines, Line, fill_lines, list_sold_lines, write_lines
from domain.invoices.record import find_order_invoice, name_invoice, record_invoice_event
from domain.invoices.send import check_order_may_be_invoiced, issue_invoice
from domain.invoices.totals import InvoiceTotals, TaxRateIn, calculate_invoice_totals
from domain.kernel.actor import Actor
from domain.kernel.addresses import parse_address
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import (
    DateIn,
    Filled60,
    Id,
    Input,
    MoneyIn,
    OptionalEmailIn,
    PhoneIn,
    Text20,
    Text60,
    Text200,
    Text2000,
)
from domain.kernel.money import ZERO, format_money
from domain.kernel.phone import parse_phone
from domain.orders.record import lock_order
from domain.payments.find_order import is_named
from models import Customer, Invoice, InvoiceEventKind, InvoiceTerms, Order, PaymentMethod, PaymentTerms

SettableStatus = Literal["draft", "sent"]


class InvoiceDetails(Input):
    """The details of an invoice except its lines; shared by creating and updating invoices."""

    customer_company: Text200 | None = None
    """The company that is billed."""
    customer_email: OptionalEmailIn = None
    """Where the invoice and its reminders go."""
    customer_phone: PhoneIn | None = None
    """A phone number in any common format."""
    customer_address: Text200 | None = None
    """The street, or the whole address as one line."""
    customer_city: Text60 | None = None
    customer_state: Text60 | None = None
    customer_zip: Text20 | None = None
    po_number: Text60 | None = None
    """The customer's own purchase order number."""
    discount_amount: MoneyIn | None = None
    """US dollars to take off the subtotal, at most the subtotal."""
    shipping_fee: MoneyIn | None = None
    """US dollars; shipping is not taxed."""
    tax_rate: TaxRateIn | None = None
    """Percent of subtotal less discount: 8.25 is 8.25 %."""
    payment_method: PaymentMethod | None = None
    payment_terms: InvoiceTerms | None = None
    """Determines the due date; by default net30 for a customer with terms, otherwise due_on_receipt."""
    due_date: DateIn | None = None
    """The due date; by default the day of sending plus the days of the terms."""
    notes: Text2000 | None = None
    """Printed on the invoice."""
    internal_notes: Text2000 | None = None
    """Visible to staff only."""
    status: SettableStatus | None = None
    """draft, or sent, which gives the invoice its number."""
    override_terms: bool = False
    """Send or change it even if the customer's terms do not cover it; managers only."""

    @model_validator(mode="after")
    def _phone_is_one(self) -> "InvoiceDetails":
        if self.customer_phone and parse_phone(self.customer_phone) is None:
            raise bad_field("must be a phone number like (216) 555-0148", field="customer_phone")
        return self


class CreateInvoice(InvoiceDetails):
    """A new invoice: from an order by its number, or with its own name and lines."""

    order_number: Filled60 | None = None
    """Create it from this order, with lines, discount and delivery fee as sold."""
    customer_id: Id | None = None
    """The customer of the invoice; missing details are copied from the customer."""
    customer_name: Text200 | None = Field(None, validate_default=True)
    """Who is billed; required without an order."""
    items: InvoiceLines | None = Field(None, validate_default=True)
    """The lines; required without an order."""

    @field_validator("customer_name", "items")
    @classmethod
    def _is_there_without_an_order(cls, value: Any, info: ValidationInfo) -> Any:
        if not value and not info.data.get("order_number"):
            raise PydanticKnownError("missing")
        return value


async def create_invoice(db: AsyncSession, data: CreateInvoice, *, by: Actor, timezone: tzinfo) -> Invoice:
    """Create an invoice: a draft, unless it is to be sent at once.

    Raises Refused if the order is cancelled, on hold, or already invoiced (naming the invoice), and if an invoice to be
    sent is not covered by the customer's terms. Locks the customer, then the order, then the number series.
    """
    require(by, Right.EDIT_INVOICES, "Your role does not make invoices.")
    check_may_override(data.override_terms, by)
    if data.order_number is not None:
        order = await _find_order(db, data.order_number, by)
        return await invoice_order(db, order, data, by=by, timezone=timezone)
    customer = await _find_customer(db, data.customer_id)
    lines = await fill_lines(db, data.items or [])
    totals = calculate_invoice_totals(
        [line.line_total for line in lines],
        discount=data.discount_amount or ZERO,
        shipping=data.shipping_fee or ZERO,
        tax_rate=data.tax_rate or ZERO,
    )
    has_terms = customer is not None and customer.payment_terms == PaymentTerms.NET30
    invoice = Invoice(
        customer_id=customer.id if customer else None,
        **_bill_to(data, _details_of_customer(customer)),
        payment_method=data.payment_method,
        po_number=data.po_number or (customer.po_number if customer else ""),
        **_shared(data, totals, has_terms=has_terms, by=by),
    )
    return await _write(db, invoice, lines, data, by=by, timezone=timezone)


async def invoice_order(
    db: AsyncSession, order: Order, data: InvoiceDetails, *, by: Actor, timezone: tzinfo
) -> Invoice:
    """Create the invoice of an order that is locked with its customer."""
    check_order_may_be_invoiced(order)
    await _check_not_invoiced(db, order)
    customer = await db.get(Customer, order.customer_id) if order.customer_id is not None else None
    has_terms = order.payment_method == PaymentMethod.NET30 or (
        customer is not None and customer.payment_terms == PaymentTerms.NET30
    )
    invoice = Invoice(
        order_id=order.id,
        customer_id=order.customer_id,
        **_bill_to(data, _details_of_order(order)),
        payment_method=data.payment_method or order.payment_method,
        po_number=data.po_number or order.po_number,
        amount_paid=order.amount_paid,
        allowances=order.allowances,
        **_shared(data, totals_of_order(order), has_terms=has_terms, by=by),
    )
    return await _write(db, invoice, await list_sold_lines(db, order.id), data, by=by, timezone=timezone)


def totals_of_order(order: Order) -> InvoiceTotals:
    """Return an order's amounts as invoice totals; orders are not taxed."""
    return InvoiceTotals(
        order.subtotal, order.discount_amount, order.delivery_fee, Decimal("0.000"), ZERO, order.total_amount
    )


def set_invoice_totals(invoice: Invoice, totals: InvoiceTotals) -> None:
    """Set the totals of the invoice."""
    invoice.subtotal = totals.subtotal
    invoice.discount_amount = totals.discount_amount
    invoice.shipping_fee = totals.shipping_fee
    invoice.tax_rate = totals.tax_rate
    invoice.tax_amount = totals.tax_amount
    invoice.total_amount = totals.total_amount


async def _write(
    db: AsyncSession, invoice: Invoice, lines: list[Line], data: InvoiceDetails, *, by: Actor, timezone: tzinfo
) -> Invoice:
    db.add(invoice)
    await db.flush()
    await write_lines(db, invoice.id, lines)
    await record_invoice_event(
        db, invoice, InvoiceEventKind.CREATED, by=by, changes={"total_amount": format_money(invoice.total_amount)}
    )
    if data.status == "sent":
        await issue_invoice(db, invoice, by=by, timezone=timezone, overrides=data.override_terms)
    return invoice


async def _find_order(db: AsyncSession, order_number: str, by: Actor) -> Order:
    found = (
        await db.execute(
            select(Order.id).where(is_named(order_number)).order_by(Order.order_number != order_number).limit(1)
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no order with this number.")
    return await lock_order(db, found, visible_to=by, with_customer=True)


async def _check_not_invoiced(db: AsyncSession, order: Order) -> None:
    """Raise Refused naming the order's invoice, if it has one. The order's lock makes concurrent acts wait."""
    found = await find_order_invoice(db, order.id)
    if found is not None:
        raise Refused(
            f"{order.order_number} is on invoice {name_invoice(found)} already. Void that invoice first.",
            code=Code.ORDER_INVOICED,
            invoice_id=found.id,
            invoice_number=name_invoice(found),
        )


async def _find_customer(db: AsyncSession, customer_id: int | None) -> Customer | None:
    if customer_id is None:
        return None
    customer = (
        await db.execute(select(Customer).where(Customer.id == customer_id).with_for_update(key_share=True))
    ).scalar_one_or_none()
    if customer is None:
        raise InvalidInput("There is no such customer.", fields={"customer_id": "is unknown"})
    return customer


async def find_billing_details(db: AsyncSession, customer_id: int) -> dict[str, str]:
    """Return the prefilled details of a customer's invoice: name, billing address, and their purchase order number.

    Raises NotFound for an unknown customer.
    """
    customer = await db.get(Customer, customer_id)
    if customer is None:
        raise NotFound("There is no such customer.")
    name = f"{customer.first_name} {customer.last_name}".strip() or customer.company_name
    found = {"customer_name": name, "po_number": customer.po_number} | _details_of_customer(customer)
    return {field: value or "" for field, value in found.items()}


def _shared(data: InvoiceDetails, totals: InvoiceTotals, *, has_terms: bool, by: Actor) -> dict[str, Any]:
    return {
        "payment_terms": data.payment_terms or (InvoiceTerms.NET30 if has_terms else InvoiceTerms.DUE_ON_RECEIPT),
        "due_date": data.due_date,
        "notes": data.notes or "",
        "internal_notes": data.internal_notes or "",
        "subtotal": totals.subtotal,
        "discount_amount": totals.discount_amount,
        "shipping_fee": totals.shipping_fee,
        "tax_rate": totals.tax_rate,
        "tax_amount": totals.tax_amount,
        "total_amount": totals.total_amount,
        **by.columns,
    }


def _bill_to(data: InvoiceDetails, known: dict[str, Any]) -> dict[str, Any]:
    """Return who is billed: what was sent, otherwise what the order or the customer has."""
    sent: dict[str, Any] = {
        "customer_name": getattr(data, "customer_name", None),
        "customer_company": data.customer_company,
        "customer_email": data.customer_email,
        "customer_phone": parse_phone(data.customer_phone) if data.customer_phone else None,
    }
    found = {name: value or known.get(name) or ("" if name in NEVER_NULL else None) for name, value in sent.items()}
    return found | (read_billing_address(data) or {name: known.get(name) or "" for name in ADDRESS})


ADDRESS = ("customer_address", "customer_city", "customer_state", "customer_zip")
NEVER_NULL = frozenset({"customer_name", "customer_company"})


def read_billing_address(data: InvoiceDetails) -> dict[str, str] | None:
    """Return the address in its parts; None if none was sent. A street that contains the whole address is parsed."""
    if not any(getattr(data, name) for name in ADDRESS):
        return None
    if data.customer_address and not (data.customer_city or data.customer_state or data.customer_zip):
        parsed = parse_address(data.customer_address)
        return dict(zip(ADDRESS, (parsed.street, parsed.city, parsed.state, parsed.zip), strict=True))
    return {name: getattr(data, name) or "" for name in ADDRESS}


def _details_of_customer(customer: Customer | None) -> dict[str, Any]:
    if customer is None:
        return {}
    is_billed_elsewhere = bool(customer.billing_street)
    source = "billing" if is_billed_elsewhere else "shipping"
    return {
        "customer_company": customer.company_name,
        "customer_email": customer.email,
        "customer_phone": customer.phone,
        "customer_address": getattr(customer, f"{source}_street"),
        "customer_city": getattr(customer, f"{source}_city"),
        "customer_state": getattr(customer, f"{source}_state"),
        "customer_zip": getattr(customer, f"{source}_zip"),
    }


def _details_of_order(order: Order) -> dict[str, Any]:
    if order.billing_address:
        parsed = parse_address(order.billing_address)
        address = (parsed.street, parsed.city, parsed.state, parsed.zip)
    else:
        address = (order.delivery_address, order.delivery_city, order.delivery_state, order.delivery_zip)
    return {
        "customer_name": order.delivery_name,
        "customer_company": order.delivery_company,
        "customer_email": order.delivery_email,
        "customer_phone": order.delivery_phone,
        **dict(zip(ADDRESS, address, strict=True)),
    }
