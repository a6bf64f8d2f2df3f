"""The data of one invoice's page, in a constant number of statements."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may
from domain.invoices.queries import CUSTOMERS, InvoiceItemRow, InvoiceRow, get_invoice, list_items
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO
from domain.payments.refund_rows import list_with_waiting
from models import CreditMemo, InvoiceEvent, InvoiceRevision, InvoiceStatus, Payment, PaymentState


@dataclass(frozen=True, slots=True)
class InvoicePayment:
    """One payment; negative if it was given back. Amounts are in US dollars.

    `left` is the part that can still be given back here, and `waiting` the part that Stripe is asked to give back.
    """

    id: int
    method: str
    amount: Decimal
    reference: str
    note: str
    given_for: str | None
    receipt_id: int | None
    actor_name: str
    created_at: datetime
    left: Decimal = ZERO
    waiting: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class InvoiceEventRow:
    """One entry of the timeline."""

    kind: str
    note: str
    changes: dict[str, Any] | None
    actor_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemoRow:
    """One credit memo."""

    memo_number: str
    amount: Decimal
    to_credit: Decimal
    reason: str
    note: str
    actor_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """The invoice with its related records, and what this colleague may do with it."""

    invoice: InvoiceRow
    items: list[InvoiceItemRow]
    payments: list[InvoicePayment]
    memos: list[MemoRow]
    timeline: list[InvoiceEventRow]
    revisions: list[int]
    sends_reminders: bool
    can_edit: bool

    @property
    def is_owed(self) -> bool:
        """True while something is to be paid."""
        return self.invoice.status in {InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID}

    @property
    def is_money_fixed(self) -> bool:
        """True if lines and amounts can't be changed on this page: paid, void, or made from an order."""
        fixed = self.invoice.status in {InvoiceStatus.PAID, InvoiceStatus.VOID}
        return fixed or self.invoice.order_id is not None or not self.can_edit


async def get_invoice_page(db: AsyncSession, invoice_id: int, *, visible_to: Actor) -> InvoicePage:
    """Return the page of an invoice. Raises NotFound if the actor may not see it."""
    invoice = await get_invoice(db, invoice_id, visible_to=visible_to)
    items = (await list_items(db, [invoice_id]))[invoice_id]
    mine = Payment.invoice_id == invoice_id if invoice.order_id is None else Payment.order_id == invoice.order_id
    payments = await db.execute(
        select(
            Payment.id,
            Payment.method,
            Payment.amount,
            Payment.reference,
            Payment.note,
            Payment.given_for,
            Payment.receipt_id,
            Payment.actor_name,
            Payment.created_at,
        )
        .where(mine, Payment.state == PaymentState.SUCCEEDED)
        .order_by(Payment.id.desc())
    )
    back: dict[int, tuple[Decimal, Decimal]] = {}
    if invoice.order_id is None and may(visible_to, Right.REFUND_PAYMENTS):
        found = await list_with_waiting(db, Payment.invoice_id == invoice_id)
        back = {each.payment.id: (each.left, each.waiting) for each in found}
    memos = await db.execute(
        select(
            CreditMemo.memo_number,
            CreditMemo.amount,
            CreditMemo.to_credit,
            CreditMemo.reason,
            CreditMemo.note,
            CreditMemo.actor_name,
            CreditMemo.created_at,
        )
        .where(CreditMemo.invoice_id == invoice_id)
        .order_by(CreditMemo.id.desc())
    )
    timeline = await db.execute(
        select(
            InvoiceEvent.kind,
            InvoiceEvent.note,
            InvoiceEvent.changes,
            InvoiceEvent.actor_name,
            InvoiceEvent.created_at,
        )
        .where(InvoiceEvent.invoice_id == invoice_id)
        .order_by(InvoiceEvent.id.desc())
        .limit(200)
    )
    revisions = await db.execute(
        select(InvoiceRevision.revision)
        .where(InvoiceRevision.invoice_id == invoice_id)
        .order_by(InvoiceRevision.revision.desc())
    )
    switch = await db.execute(select(CUSTOMERS.sends_reminders).where(CUSTOMERS.id == invoice.customer_id))
    return InvoicePage(
        invoice=invoice,
        items=items,
        payments=[InvoicePayment(*row, *back.get(row.id, (ZERO, ZERO))) for row in payments],
        memos=[MemoRow(*row) for row in memos],
        timeline=[InvoiceEventRow(*row) for row in timeline],
        revisions=list(revisions.scalars()),
        sends_reminders=switch.scalar_one_or_none() is not False,
        can_edit=may(visible_to, Right.EDIT_INVOICES) and invoice.status != InvoiceStatus.VOID,
    )
