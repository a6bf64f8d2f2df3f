"""Gives back or reverses a payment of an invoice without an order: entered by mistake, bounced, or refunded.

Money taken by Stripe goes back through Stripe; other money by hand, or as store credit. Payments of orders are given
back on the order.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.credit.ledger import move_credit
from domain.invoices.record import lock_invoice, name_invoice, record_invoice_event
from domain.invoices.refund_rows import apply_invoice_refund
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.money import format_money
from domain.orders.attention import add_attention
from domain.payments.ask import ask_refund
from domain.payments.credit_back import SPENT, take_credit_back
from domain.payments.refund import RefundOutcome, RefundPayment, RefundWay
from domain.payments.refund_rows import (
    Refundable,
    choose_amount,
    find_unanswered,
    get_invoice_refundable,
    make_refund,
    reserve_refund,
)
from domain.payments.stripe_account import get_stripe, stripe_errors_as_refusals
from models import AuditAction, CreditKind, GivenBack, GivenFor, Invoice, InvoiceEventKind, InvoiceStatus, PaymentMethod
from models.session import separate_transaction
from settings import Settings


async def take_back_payment(
    invoice_id: int, payment_id: int, data: RefundPayment, *, by: Actor, settings: Settings, version: int | None = None
) -> RefundOutcome:
    """Give a payment back, in full or in part; after a mistake or a bounced check the customer owes it again.

    Three parts if Stripe took the money: the intent is committed, Stripe is asked without an open transaction, and its
    answer is recorded. The same refund repeated while Stripe has not answered continues the first one. Raises Refused
    for more than is left of the payment, and for an order's invoice.
    """
    require(by, Right.REFUND_PAYMENTS, "Your role does not give money back.")
    async with separate_transaction() as db:
        invoice = await lock_invoice(db, invoice_id, version=version)
        if invoice.order_id is not None:
            raise Refused(
                "This invoice was paid through its order. Give the payment back there, and the invoice is updated.",
                code=Code.INVOICE_FOLLOWS_ORDER,
            )
        found = await get_invoice_refundable(db, invoice_id, payment_id)
        why = _choose_why(invoice, data)
        if not (found.is_stripe and data.how is RefundWay.AS_PAID):
            amount = choose_amount(found, data.amount)
            taken, spent = await take_credit_back(db, found, amount, why=why, by=by)
            amount += taken
            checked = data.model_copy(update={"amount": amount, "given_for": why})
            await _take_back_here(db, invoice, found, checked, by=by)
            if spent:
                add_attention(invoice, f"{format_money(spent)} {SPENT}")
            return RefundOutcome(None, amount, "succeeded", None, why.kind)
        account = get_stripe(settings)
        intent = await find_unanswered(db, found, data.amount, why=why, reason=data.reason)
        if intent is None:
            amount, name = choose_amount(found, data.amount), {"invoice_number": invoice.invoice_number}
            refund = make_refund(found, amount, why=why, by=by, reason=data.reason, name=name)
            intent = await reserve_refund(db, refund)
    with stripe_errors_as_refusals():
        made = await ask_refund(intent, account)
    return RefundOutcome(made.id, made.amount, made.status, None, why.kind)


def _choose_why(invoice: Invoice, data: RefundPayment) -> GivenFor:
    """Return the reason for giving it back. Raises InvalidInput for store credit for a reversal or without account."""
    if data.how is RefundWay.STORE_CREDIT and data.given_for.kind is GivenBack.REVERSAL:
        raise InvalidInput(
            "A reversed payment can't become credit: the customer owes it again.",
            fields={"how": "must be as_paid for a mistake or a bounced payment"},
        )
    if data.how is RefundWay.STORE_CREDIT and invoice.customer_id is None:
        raise InvalidInput("The invoice has no account.", fields={"how": "must be as_paid without an account"})
    is_over = invoice.status == InvoiceStatus.VOID and data.given_for.kind is GivenBack.ALLOWANCE
    return GivenFor.CANCELLED if is_over else data.given_for


async def _take_back_here(
    db: AsyncSession, invoice: Invoice, found: Refundable, data: RefundPayment, *, by: Actor
) -> None:
    """Record money given back by hand, never received, or turned into store credit: one transaction, no service."""
    as_credit = data.how is RefundWay.STORE_CREDIT
    method = PaymentMethod.STORE_CREDIT if as_credit else PaymentMethod(found.payment.method)
    before = {"balance": str(invoice.balance), "amount_paid": str(invoice.amount_paid)}
    row = await apply_invoice_refund(
        db, invoice, found.payment, data.amount, method=method, why=data.given_for, by=by, note=data.reason
    )
    if as_credit and invoice.customer_id is not None:
        note = f"Given back on {invoice.invoice_number}"
        kind = CreditKind.REFUND
        await move_credit(db, invoice.customer_id, data.amount, kind=kind, by=by, note=note, payment_id=row.id)
    await db.refresh(invoice)
    await record_audit(
        db,
        action=AuditAction.INVOICE_PAYMENT_TAKEN_BACK,
        record_kind="invoice",
        record_id=invoice.id,
        record_name=name_invoice(invoice),
        before=before,
        after={"balance": str(invoice.balance), "amount_paid": str(invoice.amount_paid)},
        note=f"{format_money(data.amount)}, {data.given_for.value}: {data.reason}",
        by=by,
    )
    is_reversal = data.given_for.kind is GivenBack.REVERSAL
    kind_of = InvoiceEventKind.TAKEN_BACK if is_reversal else InvoiceEventKind.REFUNDED
    changes = {"amount": format_money(data.amount)}
    await record_invoice_event(db, invoice, kind_of, by=by, note=data.reason, changes=changes)
