"""Records money given back on an invoice without an order: a negative payment row, and the invoice's new amounts."""

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.record import settle_invoice_status
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO, format_money
from domain.orders.attention import add_attention, drop_attention
from domain.payments.failed_refunds import drop_made_good
from domain.payments.record import list_credited
from domain.payments.refund_rows import calculate_allowed, make_refund_row
from domain.payments.withdraw import withdraw_from_invoice_later
from models import GivenFor, Invoice, InvoiceStatus, Payment, PaymentState

_PAID_OVER = "was overpaid by someone without an account."
TO_GIVE_BACK = "was paid by someone without an account and must be given back."
_GONE_BEYOND = "went back beyond what the invoice held. If it had become store credit, take it off there."


async def apply_invoice_refund(
    db: AsyncSession,
    invoice: Invoice,
    payment: Payment,
    amount: Decimal,
    *,
    method: str,
    why: GivenFor,
    by: Actor,
    note: str = "",
    provider_id: str | None = None,
) -> Payment:
    """Record money given back of a locked invoice's payment; the part never applied to the invoice goes back first.

    An allowance also reduces what is owed; after a reversal the amount is owed again. Stripe may give back more than
    the invoice still has of the payment; the invoice then needs attention.
    """
    row = await make_refund_row(
        db, payment, amount, customer_id=invoice.customer_id, method=method, why=why, by=by, note=note,
        provider_id=provider_id,
    )  # fmt: skip
    db.add(row)
    _take_off(invoice, row)
    await db.flush()
    await show_unapplied(db, invoice)
    if row.applied_amount:
        await withdraw_from_invoice_later(db, invoice.id)
    await drop_made_good(db, invoice)
    return row


async def put_back(db: AsyncSession, invoice: Invoice, row: Payment) -> None:
    """Put money that was taken off a locked invoice back on it."""
    row.state = PaymentState.FAILED
    _put_on(invoice, row)
    await db.flush()
    await show_unapplied(db, invoice)
    await withdraw_from_invoice_later(db, invoice.id)


async def show_unapplied(db: AsyncSession, invoice: Invoice) -> None:
    """Set a locked invoice's attention to a difference between received and applied money.

    It is what was received but is neither applied nor credit, or what was given back beyond what was received.
    """
    mine = Payment.invoice_id == invoice.id
    rest = (
        await db.execute(
            select(func.coalesce(func.sum(Payment.amount - Payment.applied_amount), ZERO)).where(
                mine, Payment.state == PaymentState.SUCCEEDED
            )
        )
    ).scalar_one()
    rest -= sum((await list_credited(db, mine)).values(), ZERO)
    for words in (_PAID_OVER, _GONE_BEYOND):
        drop_attention(invoice, words)
    if rest > ZERO:
        add_attention(invoice, f"{format_money(rest)} {_PAID_OVER}")
    elif rest < ZERO:
        add_attention(invoice, f"{format_money(-rest)} {_GONE_BEYOND}")
    if invoice.status != InvoiceStatus.VOID or invoice.amount_paid == ZERO:
        drop_attention(invoice, TO_GIVE_BACK)


def _take_off(invoice: Invoice, row: Payment) -> None:
    """Count a row of money given back, whose amounts are negative."""
    invoice.amount_paid += row.applied_amount
    invoice.allowances += calculate_allowed(row)
    settle_invoice_status(invoice)


def _put_on(invoice: Invoice, row: Payment) -> None:
    invoice.amount_paid -= row.applied_amount
    invoice.allowances -= calculate_allowed(row)
    settle_invoice_status(invoice)
