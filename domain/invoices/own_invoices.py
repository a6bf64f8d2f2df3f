"""A customer's own invoices: in the shop when signed in, and on the page behind a link."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.links import make_invoice_url
from domain.invoices.queries import (
    FROM,
    INVOICES,
    IS_OWED,
    InvoiceItemRow,
    InvoiceRow,
    Reader,
    list_items,
    read_page,
    read_rows,
    select_rows,
)
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.money import ZERO
from domain.kernel.paging import NewestPageInput, Page, make_page
from domain.payments.intents import CHARGING
from models import IntentState, Invoice, InvoiceCheckout, InvoiceStatus, Order, PaymentStatus, StripeIntent
from settings import Settings

MOST_OPEN = 50


@dataclass(frozen=True, slots=True)
class OwnInvoicePage:
    """One invoice as its customer sees it, with their other open invoices.

    `waiting` are the ids of those whose bank payment is pending or whose check is under review.
    """

    invoice: InvoiceRow
    items: list[InvoiceItemRow]
    others: Sequence[InvoiceRow]
    waiting: frozenset[int]

    @property
    def payable(self) -> list[InvoiceRow]:
        """The invoices payable by card now: this one and the other open ones, unless their payment is pending."""
        own = [self.invoice] if self.is_open else []
        return [invoice for invoice in (*own, *self.others) if invoice.id not in self.waiting]

    @property
    def is_waiting(self) -> bool:
        """True while a payment of this invoice is pending."""
        return self.invoice.id in self.waiting

    @property
    def payable_together(self) -> Decimal:
        """The sum of all payable invoices, in US dollars."""
        return sum((invoice.balance for invoice in self.payable), ZERO)

    @property
    def is_open(self) -> bool:
        """True while something is to be paid."""
        return self.invoice.status in {InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID}

    @property
    def together(self) -> Decimal:
        """What is owed on this and the other open invoices, in US dollars."""
        own = self.invoice.balance if self.is_open else ZERO
        return own + sum((other.balance for other in self.others), ZERO)


async def list_own_invoices(db: Reader, asked: NewestPageInput, *, visible_to: Actor) -> Page[InvoiceRow]:
    """Return the signed-in customer's sent invoices, newest first."""
    mine = (INVOICES.customer_id == visible_to.id, INVOICES.sent_at.is_not(None))
    rows = await read_page(db, mine, asked)
    total = await db.scalar(select(func.count()).select_from(FROM.left).where(*mine))
    return make_page(rows, total or 0, asked)


def pay_url_of(invoice: InvoiceRow, *, settings: Settings) -> str | None:
    """Return the URL where an invoice is paid; None if nothing is to be paid."""
    is_open = invoice.status in {InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID}
    return make_invoice_url(invoice.id, settings=settings) if is_open else None


async def get_own_page(db: AsyncSession, invoice_id: int) -> OwnInvoicePage:
    """Return the invoice of a link, with the customer's other open ones. Raises NotFound if deleted or a draft."""
    rows = await read_rows(db, select_rows(INVOICES.id == invoice_id, INVOICES.sent_at.is_not(None)))
    if not rows:
        raise NotFound("This invoice no longer exists.")
    invoice = rows[0]
    others: list[InvoiceRow] = []
    if invoice.customer_id is not None:
        statement = select_rows(INVOICES.customer_id == invoice.customer_id, INVOICES.id != invoice.id, IS_OWED)
        others = await read_rows(db, statement.order_by(INVOICES.due_date, INVOICES.id).limit(MOST_OPEN))
    items = (await list_items(db, [invoice_id]))[invoice_id]
    return OwnInvoicePage(invoice, items, others, await _find_waiting(db, [invoice_id, *(row.id for row in others)]))


async def _find_waiting(db: AsyncSession, invoice_ids: list[int]) -> frozenset[int]:
    """Return the ids of invoices whose bank payment is pending, or whose check is under review."""
    in_checkout = select(InvoiceCheckout.intent_id).where(InvoiceCheckout.invoice_id == Invoice.id)
    of_order = and_(StripeIntent.order_id == Invoice.order_id, StripeIntent.kind.in_(CHARGING))
    at_the_bank = exists().where(
        StripeIntent.state == IntentState.PENDING, or_(of_order, StripeIntent.id.in_(in_checkout))
    )
    in_review = exists().where(Order.id == Invoice.order_id, Order.payment_status == PaymentStatus.PENDING_REVIEW)
    rows = await db.execute(select(Invoice.id).where(Invoice.id.in_(invoice_ids), or_(at_the_bank, in_review)))
    return frozenset(rows.scalars())
