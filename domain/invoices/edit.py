"""Changes invoices: drafts freely, sent ones by a revision, and the amounts of paid ones never."""

from datetime import tzinfo
from typing import Any

from pydantic import model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.create import (
    ADDRESS,
    InvoiceDetails,
    read_billing_address,
    set_invoice_totals,
    totals_of_order,
)
from domain.invoices.credit_given import calculate_credit_given, check_may_override, settle_credit_given
from domain.invoices.lines import InvoiceLines, Line, fill_lines, list_lines, list_sold_lines, write_lines
from domain.invoices.record import find_order_invoice, lock_invoice, record_invoice_event, settle_invoice_status
from domain.invoices.revisions import keep_revision
from domain.invoices.send import issue_invoice
from domain.invoices.terms import calculate_due_date, when_overdue
from domain.invoices.totals import InvoiceTotals, calculate_invoice_totals
from domain.kernel.actor import Actor
from domain.kernel.clock import business_date
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Count, Text200
from domain.kernel.money import ZERO, format_money
from domain.kernel.phone import parse_phone
from domain.payments.withdraw import withdraw_from_invoice_later
from models import Invoice, InvoiceEventKind, InvoiceStatus, InvoiceTerms, Order

# Fields that may be empty, which is stored as null.
_NULLABLE = frozenset({"customer_email", "customer_phone", "payment_method"})
_TEXTS = ("customer_name", "customer_company", "po_number", "notes", "internal_notes")
# Changes that the customer never sees make no revision.
_UNSEEN = frozenset({"internal_notes"})


class UpdateInvoice(InvoiceDetails):
    """The fields to change. Fields that are not sent stay unchanged; null or an empty string clears optional ones."""

    customer_name: Text200 = ""
    """Who is billed; never empty."""
    items: InvoiceLines | None = None
    """The new lines, replacing all existing ones."""
    version: Count | None = None
    """The version that was read; the change is refused if it is no longer the current one."""

    @model_validator(mode="after")
    def _keeps_a_name(self) -> "UpdateInvoice":
        if "customer_name" in self.model_fields_set and not self.customer_name:
            raise bad_field("is required", field="customer_name")
        return self


async def update_invoice(
    db: AsyncSession, invoice_id: int, data: UpdateInvoice, *, by: Actor, timezone: tzinfo
) -> Invoice:
    """Change an invoice. A sent one gets a new revision if the customer would see the change.

    Raises Refused for a void invoice, for changed amounts of a paid invoice or one made from an order, for a total
    below what has been paid, and if the customer's terms do not cover it. Locks the customer, the order, the invoice.
    """
    require(by, Right.EDIT_INVOICES, "Your role does not change invoices.")
    check_may_override(data.override_terms, by)
    invoice = await lock_invoice(db, invoice_id, version=data.version)
    if invoice.status == InvoiceStatus.VOID:
        raise Refused(f"{invoice.invoice_number} is void and can't change.", code=Code.INVOICE_VOID)
    was_sent = invoice.status != InvoiceStatus.DRAFT
    if was_sent and data.status == "draft":
        raise Refused(
            f"{invoice.invoice_number} was sent and can't become a draft again. Void it and copy it.",
            code=Code.STATE_NOT_ALLOWED,
            allowed=["void"],
        )
    credit_before = calculate_credit_given(invoice, timezone=timezone)
    changes = _change_texts(invoice, data) | await _change_money(db, invoice, data)
    changes |= _change_due_date(invoice, data, timezone=timezone)
    await db.flush()
    if was_sent and set(changes) - _UNSEEN:
        uncovered = await settle_credit_given(
            db, invoice, before=credit_before, overrides=data.override_terms, timezone=timezone
        )
        await revise_invoice(db, invoice, changes, by=by, note=uncovered)
    elif changes:
        await record_invoice_event(db, invoice, InvoiceEventKind.EDITED, by=by, changes=changes)
    if not was_sent and data.status == "sent":
        await issue_invoice(db, invoice, by=by, timezone=timezone, overrides=data.override_terms)
    return invoice


async def revise_invoice(
    db: AsyncSession, invoice: Invoice, changes: dict[str, Any], *, by: Actor, note: str = ""
) -> None:
    """Store the current content of a locked, sent invoice as its next revision."""
    settle_invoice_status(invoice)
    await keep_revision(db, invoice, by=by)
    if "total_amount" in changes:
        await withdraw_from_invoice_later(db, invoice.id)
    said = f"Revision {invoice.revision}. {note}" if note else f"Revision {invoice.revision}"
    await record_invoice_event(db, invoice, InvoiceEventKind.REVISED, by=by, note=said, changes=changes)


async def follow_order(db: AsyncSession, order: Order, *, by: Actor) -> None:
    """Copy the current lines and amounts of a locked order to its open invoice, if there is one."""
    invoice = await find_order_invoice(db, order.id)
    if invoice is None:
        return
    before = invoice.total_amount
    await write_lines(db, invoice.id, await list_sold_lines(db, order.id))
    set_invoice_totals(invoice, totals_of_order(order))
    invoice.amount_paid = order.amount_paid
    invoice.allowances = order.allowances
    settle_invoice_status(invoice)
    await db.flush()
    changes = {"total_amount": _from_to(format_money(before), format_money(invoice.total_amount))}
    if invoice.status == InvoiceStatus.DRAFT:
        await record_invoice_event(
            db, invoice, InvoiceEventKind.EDITED, by=by, note="The order was edited", changes=changes
        )
    else:
        await revise_invoice(db, invoice, changes, by=by)


def _change_texts(invoice: Invoice, data: UpdateInvoice) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    for name in (*_TEXTS, *_NULLABLE):
        if name in data.model_fields_set:
            value = getattr(data, name)
            wanted[name] = value or None if name in _NULLABLE else value or ""
    if wanted.get("customer_phone"):
        wanted["customer_phone"] = parse_phone(wanted["customer_phone"])
    if any(name in data.model_fields_set for name in ADDRESS):
        wanted |= _address_of(invoice, data)
    changes: dict[str, Any] = {}
    for name, value in wanted.items():
        before = getattr(invoice, name)
        if before != value:
            changes[name] = _from_to(before, value)
            setattr(invoice, name, value)
    return changes


def _address_of(invoice: Invoice, data: UpdateInvoice) -> dict[str, str]:
    """Return the parts that were sent; a whole address in the street alone is parsed."""
    sent = [name for name in ADDRESS if name in data.model_fields_set]
    if sent == ["customer_address"] and (read := read_billing_address(data)) and read["customer_city"]:
        return read
    return {
        name: (getattr(data, name) or "") if name in data.model_fields_set else getattr(invoice, name)
        for name in ADDRESS
    }


async def _change_money(db: AsyncSession, invoice: Invoice, data: UpdateInvoice) -> dict[str, Any]:
    """Set new lines, discount, shipping and tax on the invoice if they differ from the current ones."""
    before = await list_lines(db, invoice.id)
    lines = await fill_lines(db, data.items) if data.items else before
    totals = _wanted_totals(invoice, lines, data)
    if totals == _money_of(invoice) and lines == before:
        return {}
    if invoice.order_id is not None:
        raise Refused(
            "The amounts of this invoice come from its order. Change the order, and the invoice is updated.",
            code=Code.INVOICE_FOLLOWS_ORDER,
        )
    if invoice.status == InvoiceStatus.PAID:
        raise Refused(f"{invoice.invoice_number} is paid; its lines and amounts can't change.", code=Code.INVOICE_PAID)
    settled = invoice.amount_paid + invoice.allowances
    if totals.total_amount < settled:
        raise Refused(
            f"{format_money(settled)} is already paid or credited, which is more than the new total.",
            code=Code.PAID_MORE,
        )
    total_before = invoice.total_amount
    set_invoice_totals(invoice, totals)
    await write_lines(db, invoice.id, lines)
    return {"total_amount": _from_to(format_money(total_before), format_money(invoice.total_amount))}


def _wanted_totals(invoice: Invoice, lines: list[Line], data: UpdateInvoice) -> InvoiceTotals:
    """Return the totals of the lines with what was sent; an order's invoice is compared as it is."""
    sent = {
        name: getattr(data, name) if getattr(data, name) is not None else getattr(invoice, name)
        for name in ("discount_amount", "shipping_fee", "tax_rate")
    }
    if invoice.order_id is not None:
        if not data.items and all(getattr(invoice, name) == value for name, value in sent.items()):
            return _money_of(invoice)
        # An order's discount may exceed its goods; the caller refuses any difference.
        sent["discount_amount"] = min(sent["discount_amount"], sum((line.line_total for line in lines), ZERO))
    return calculate_invoice_totals(
        [line.line_total for line in lines],
        discount=sent["discount_amount"],
        shipping=sent["shipping_fee"],
        tax_rate=sent["tax_rate"],
    )


def _money_of(invoice: Invoice) -> InvoiceTotals:
    return InvoiceTotals(
        invoice.subtotal,
        invoice.discount_amount,
        invoice.shipping_fee,
        invoice.tax_rate,
        invoice.tax_amount,
        invoice.total_amount,
    )


def _change_due_date(invoice: Invoice, data: UpdateInvoice, *, timezone: tzinfo) -> dict[str, Any]:
    """New terms move the due date of a sent invoice, unless a date is sent with them."""
    before = (invoice.payment_terms, invoice.due_date)
    if data.payment_terms is not None:
        invoice.payment_terms = data.payment_terms
    if data.due_date is not None:
        invoice.due_date = data.due_date
    elif invoice.sent_at is not None and invoice.payment_terms != before[0]:
        invoice.due_date = calculate_due_date(
            InvoiceTerms(invoice.payment_terms), business_date(invoice.sent_at, timezone)
        )
    elif invoice.sent_at is None and "due_date" in data.model_fields_set:
        invoice.due_date = None
    if invoice.sent_at is not None and invoice.due_date is not None:
        invoice.overdue_from = when_overdue(invoice.due_date, timezone=timezone)
    changes: dict[str, Any] = {}
    if invoice.payment_terms != before[0]:
        changes["payment_terms"] = _from_to(before[0], invoice.payment_terms)
    if invoice.due_date != before[1]:
        dates = [day.isoformat() if day else None for day in (before[1], invoice.due_date)]
        changes["due_date"] = _from_to(*dates)
    return changes


def _from_to(before: Any, after: Any) -> dict[str, Any]:
    return {"from": before, "to": after}
