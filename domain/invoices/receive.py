"""Records money for invoices: for one, in part, or one receipt for several of a customer, whose rows share its id.

An invoice made from an order is paid on the order, by the same function as any other payment of the order.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.credit.ledger import move_credit
from domain.credit.owner import lock_owners
from domain.invoices.record import calculate_invoice_balance, record_invoice_event, settle_invoice_status
from domain.invoices.refund_rows import show_unapplied
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.inputs import Id, Input, MoneyIn, Text200, Text2000
from domain.kernel.money import ZERO, format_money
from domain.payments.mark_paid import RECEIVED_BY
from domain.payments.settle import settle_payment
from domain.payments.withdraw import withdraw_from_invoice_later
from models import (
    CreditKind,
    Invoice,
    InvoiceEventKind,
    InvoiceStatus,
    Order,
    Payment,
    PaymentMethod,
    Receipt,
)

MOST_INVOICES = 200


class RecordReceipt(Input):
    """The money received, and for which invoices. It is applied to the one due first, then to the next."""

    invoice: Annotated[list[Id], Field(min_length=1, max_length=MOST_INVOICES)]
    """The ids of the invoices, all of one customer."""
    amount: MoneyIn
    """US dollars received; anything beyond the balances becomes store credit."""
    payment_method: PaymentMethod = PaymentMethod.CHECK
    reference: Text200 = ""
    """For example the number of a check."""
    note: Text2000 = ""


@dataclass(frozen=True, slots=True)
class Received:
    """The result of a receipt: its row, the amount applied to each invoice, and the amount that became store credit."""

    receipt: Receipt
    applied: dict[str, Decimal]
    surplus: Decimal


async def record_receipt(db: AsyncSession, data: RecordReceipt, *, by: Actor) -> Received:
    """Record money received for one or several invoices of one customer.

    Raises InvalidInput for an amount of 0, or store credit or terms as the method, and Refused if one of the invoices
    is a draft, void or paid. Locks the customer, the orders, then the invoices.
    """
    require(by, Right.RECORD_PAYMENTS, "Your role does not record payments.")
    if data.payment_method not in RECEIVED_BY:
        raise InvalidInput(
            "Store credit and terms are not received money.",
            fields={"payment_method": "must be cash, check, credit_card or ach"},
        )
    if data.amount == ZERO:
        raise InvalidInput("Enter how much was received.", fields={"amount": "must be more than 0"})
    invoices = await lock_invoices(db, data.invoice)
    for invoice in invoices:
        check_payable(invoice)
    return await apply_receipt(
        db, invoices, data.amount, method=data.payment_method, by=by, reference=data.reference, note=data.note
    )


def check_payable(invoice: Invoice) -> None:
    """Raise Refused for an invoice with nothing to pay."""
    name = invoice.invoice_number or f"DRAFT-{invoice.id}"
    if invoice.status == InvoiceStatus.DRAFT:
        raise Refused(f"{name} was not sent yet.", code=Code.STATE_NOT_ALLOWED)
    if invoice.status == InvoiceStatus.VOID:
        raise Refused(f"{name} is void.", code=Code.INVOICE_VOID)
    if calculate_invoice_balance(invoice) == ZERO:
        raise Refused(f"{name} is paid already.", code=Code.ALREADY_PAID)


async def lock_invoices(db: AsyncSession, invoice_ids: list[int], *, are_together: bool = False) -> list[Invoice]:
    """Return the invoices of one customer, locked, the one due first before the others.

    Raises NotFound for an unknown one, and Refused if they belong to several customers, unless `are_together`: they are
    known to have belonged to one customer when they were combined.
    """
    ids = sorted(set(invoice_ids))
    await lock_owners(db, select(Invoice.customer_id).where(Invoice.id.in_(ids), Invoice.customer_id.is_not(None)))
    found = (
        await db.execute(select(Invoice.id, Invoice.customer_id, Invoice.order_id).where(Invoice.id.in_(ids)))
    ).all()
    if len(found) < len(ids):
        raise NotFound("There is no such invoice.")
    customers = {row.customer_id for row in found}
    if len(ids) > 1 and not are_together and (len(customers) > 1 or None in customers):
        raise Refused("One payment can cover only invoices of one customer.", code=Code.SEVERAL_CUSTOMERS)
    orders = [row.order_id for row in found if row.order_id is not None]
    for model, wanted in ((Order, orders), (Invoice, ids)):
        await db.execute(
            select(model)
            .where(model.id.in_(wanted))
            .order_by(model.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    invoices = [await db.get_one(Invoice, invoice_id) for invoice_id in ids]
    return sorted(invoices, key=lambda invoice: (invoice.due_date is None, invoice.due_date, invoice.id))


async def apply_receipt(
    db: AsyncSession,
    invoices: list[Invoice],
    amount: Decimal,
    *,
    method: PaymentMethod,
    by: Actor,
    reference: str = "",
    note: str = "",
    provider_id: str | None = None,
) -> Received:
    """Apply money to locked invoices in their order. The remainder goes to the last one and becomes store credit."""
    receipt = Receipt(
        customer_id=invoices[0].customer_id,
        method=method,
        amount=amount,
        reference=reference,
        note=note,
        provider_id=provider_id,
        **by.columns,
    )
    db.add(receipt)
    await db.flush()
    left, surplus, applied = amount, ZERO, {}
    for place, invoice in enumerate(invoices, start=1):
        balance = calculate_invoice_balance(invoice)
        part = left if place == len(invoices) else min(left, balance)
        if part == ZERO:
            continue
        left -= part
        applied[invoice.invoice_number or ""] = min(part, balance)
        surplus += await _pay(db, invoice, part, receipt, by=by)
    return Received(receipt, applied, surplus)


async def _pay(db: AsyncSession, invoice: Invoice, amount: Decimal, receipt: Receipt, *, by: Actor) -> Decimal:
    """Apply an amount to one locked invoice. Returns the part of it that became store credit."""
    paid = {"amount": format_money(amount)}
    if invoice.order_id is not None:
        order = await db.get_one(Order, invoice.order_id)
        surplus = await settle_payment(
            db,
            order,
            amount,
            method=PaymentMethod(receipt.method),
            by=by,
            note=receipt.note,
            reference=receipt.reference,
            receipt_id=receipt.id,
        )
        await db.refresh(invoice)
        await record_invoice_event(db, invoice, InvoiceEventKind.PAID, by=by, note=receipt.note, changes=paid)
        return surplus or ZERO
    applied = min(amount, calculate_invoice_balance(invoice))
    payment = Payment(
        invoice_id=invoice.id,
        receipt_id=receipt.id,
        customer_id=invoice.customer_id,
        method=receipt.method,
        amount=amount,
        applied_amount=applied,
        reference=receipt.reference,
        note=receipt.note,
        **by.columns,
    )
    db.add(payment)
    invoice.amount_paid += applied
    settle_invoice_status(invoice)
    await record_invoice_event(db, invoice, InvoiceEventKind.PAID, by=by, note=receipt.note, changes=paid)
    await withdraw_from_invoice_later(db, invoice.id)
    surplus = amount - applied
    if surplus and invoice.customer_id is None:
        await db.flush()
        await show_unapplied(db, invoice)
        return ZERO
    if surplus and invoice.customer_id is not None:
        note = f"Paid over on {invoice.invoice_number}"
        kind = CreditKind.OVERPAYMENT
        await move_credit(db, invoice.customer_id, surplus, kind=kind, by=by, note=note, payment_id=payment.id)
    return surplus
