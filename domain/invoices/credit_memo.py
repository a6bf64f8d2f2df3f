"""Credit memos: an amount is taken off a sent invoice, with its own number and reason."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.give_back import turn_into_credit
from domain.invoices.numbers import CREDIT_MEMOS, issue_number
from domain.invoices.record import (
    calculate_invoice_balance,
    lock_invoice,
    record_invoice_event,
    settle_invoice_status,
)
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import Input, MoneyIn, Text2000
from domain.kernel.money import ZERO, format_money
from domain.orders.record import record_event
from domain.payments.record import settle_payment_status
from domain.payments.withdraw import withdraw_from_invoice_later, withdraw_later
from models import CreditMemo, CreditReason, GivenFor, Invoice, InvoiceEventKind, InvoiceStatus, Order, OrderEventKind


class IssueCredit(Input):
    """How much to take off, and why."""

    amount: MoneyIn
    """US dollars; the part that has already been paid becomes store credit."""
    reason: CreditReason
    note: Text2000 = ""


async def issue_credit_memo(
    db: AsyncSession, invoice_id: int, data: IssueCredit, *, by: Actor, version: int | None = None
) -> CreditMemo:
    """Take an amount off a sent invoice: first off what is owed; the rest becomes store credit.

    Raises InvalidInput for an amount of 0, and Refused for a draft, a void invoice, for more than its total, if a payer
    without an account would get store credit, and if what was paid is being refunded. Locks the customer, the order,
    the invoice, then the number series.
    """
    require(by, Right.EDIT_INVOICES, "Your role does not credit invoices.")
    if data.amount == ZERO:
        raise InvalidInput("Enter how much to take off.", fields={"amount": "must be more than 0"})
    invoice = await lock_invoice(db, invoice_id, version=version)
    _check_creditable(invoice, data.amount)
    to_credit = data.amount - min(data.amount, calculate_invoice_balance(invoice))
    if to_credit and invoice.customer_id is None:
        raise Refused(
            "A credit memo for a paid amount needs an account, and this invoice has none. Refund the payment instead.",
            code=Code.NO_CUSTOMER,
        )
    memo = CreditMemo(
        memo_number=await issue_number(db, CREDIT_MEMOS),
        invoice_id=invoice.id,
        amount=data.amount,
        to_credit=to_credit,
        reason=data.reason,
        note=data.note,
        **by.columns,
    )
    db.add(memo)
    if to_credit:
        given_for = GivenFor(data.reason.value)
        if await turn_into_credit(db, invoice, to_credit, given_for, note=memo.memo_number, by=by) < to_credit:
            raise Refused("A refund is in progress. Credit the rest once it is done.", code=Code.MORE_THAN_PAID)
    await _allow(db, invoice, data.amount, memo, by=by)
    note = f"{memo.memo_number}, {data.reason.value}. {data.note}".strip()
    await record_invoice_event(
        db, invoice, InvoiceEventKind.CREDITED, by=by, note=note, changes={"amount": format_money(data.amount)}
    )
    return memo


def _check_creditable(invoice: Invoice, amount: Decimal) -> None:
    if invoice.status == InvoiceStatus.DRAFT:
        raise Refused("A draft can't be credited. Change it instead.", code=Code.STATE_NOT_ALLOWED)
    if invoice.status == InvoiceStatus.VOID:
        raise Refused(f"{invoice.invoice_number} is void.", code=Code.INVOICE_VOID)
    most = invoice.total_amount - invoice.allowances
    if amount > most:
        raise Refused(f"At most {format_money(most)} can still be taken off.", code=Code.MORE_THAN_PAID)


async def _allow(db: AsyncSession, invoice: Invoice, amount: Decimal, memo: CreditMemo, *, by: Actor) -> None:
    """Reduce what is owed: on the order if there is one, whose amounts the invoice follows."""
    if invoice.order_id is None:
        invoice.allowances += amount
        settle_invoice_status(invoice)
        await db.flush()
        await withdraw_from_invoice_later(db, invoice.id)
        return
    order = await db.get_one(Order, invoice.order_id)
    order.allowances += amount
    settle_payment_status(order)
    await record_event(
        db, order, OrderEventKind.CREDITED, by=by, note=memo.memo_number, changes={"amount": format_money(amount)}
    )
    await db.refresh(invoice)
    await withdraw_later(db, order)
