"""A customer's own invoices: in the shop by their sign-in, and on the page behind a link."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.links import make_invoice_url
from domain.invoices.queries import (
    FROM,
    INVOICES,
    IS_OWED,
    NEWEST,
    InvoiceItemRow,
    InvoiceRow,
    Reader,
    list_items,
    read_rows,
    select_rows,
)
from domain.kernel.actor import SYSTEM, Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotConfigured, NotFound, Refused
from domain.kernel.money import ZERO
from domain.kernel.paging import NewestPageInput, Page, make_page
from domain.payments.pay_link import CreatePayLink, create_pay_link
from models import InvoiceStatus
from settings import Settings

MOST_OPEN = 50


@dataclass(frozen=True, slots=True)
class OwnInvoicePage:
    """One invoice as its customer sees it, with what else of theirs is open."""

    invoice: InvoiceRow
    items: list[InvoiceItemRow]
    others: Sequence[InvoiceRow]

    @property
    def is_open(self) -> bool:
        """True while something is to be paid."""
        return self.invoice.status in {InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID}

    @property
    def together(self) -> Decimal:
        """What is owed on all of them."""
        own = self.invoice.balance if self.is_open else ZERO
        return own + sum((other.balance for other in self.others), ZERO)


async def list_own_invoices(db: Reader, asked: NewestPageInput, *, visible_to: Actor) -> Page[InvoiceRow]:
    """The signed-in customer's invoices that were sent, newest first."""
    mine = (INVOICES.customer_id == visible_to.id, INVOICES.sent_at.is_not(None))
    rows = await read_rows(db, select_rows(*mine).order_by(*NEWEST).limit(asked.per_page).offset(asked.offset))
    total = await db.scalar(select(func.count()).select_from(FROM.left).where(*mine))
    return make_page(rows, total or 0, asked)


def pay_url_of(invoice: InvoiceRow, *, settings: Settings) -> str | None:
    """Where an invoice is paid; None when nothing is to be paid."""
    is_open = invoice.status in {InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID}
    return make_invoice_url(invoice.id, settings=settings) if is_open else None


async def get_own_page(db: AsyncSession, invoice_id: int) -> OwnInvoicePage:
    """The invoice of a link, with its customer's other open ones; raises NotFound for one that is gone or a draft."""
    rows = await read_rows(db, select_rows(INVOICES.id == invoice_id, INVOICES.sent_at.is_not(None)))
    if not rows:
        raise NotFound("This invoice is not there any more.")
    invoice = rows[0]
    others: list[InvoiceRow] = []
    if invoice.customer_id is not None:
        statement = select_rows(INVOICES.customer_id == invoice.customer_id, INVOICES.id != invoice.id, IS_OWED)
        others = await read_rows(db, statement.order_by(INVOICES.due_date, INVOICES.id).limit(MOST_OPEN))
    return OwnInvoicePage(invoice, (await list_items(db, [invoice_id]))[invoice_id], others)


async def get_payment_url(db: AsyncSession, invoice_id: int, *, settings: Settings) -> str:
    """The page at which an invoice's order is paid by card, bank or check; raises Refused when nothing is owed."""
    page = await get_own_page(db, invoice_id)
    if not page.is_open:
        raise Refused("Nothing is to be paid on this invoice.", code=Code.ALREADY_PAID)
    if page.invoice.order_number is None:
        raise Refused(
            "This invoice is paid by check or bank transfer, with its number on it. Call us to pay by card.",
            code=Code.CONFLICT,
        )
    asked = CreatePayLink(order_number=page.invoice.order_number)
    try:
        return (await create_pay_link(db, asked, by=SYSTEM, settings=settings)).url
    except NotConfigured as without:
        return str(without.extra["fallback_url"])
