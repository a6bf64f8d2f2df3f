"""Reads of invoices: lists with their lines, and single ones, limited to what the reader may see."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.paging import NewestPageInput, Page, PageInput, make_page
from models import Customer, Invoice, InvoiceItem, InvoiceStatus, Order, Role, columns_of, table_of

Reader = AsyncSession | AsyncConnection

INVOICES = columns_of(Invoice)
ITEMS = columns_of(InvoiceItem)
ORDERS = columns_of(Order)
CUSTOMERS = columns_of(Customer)
FROM = table_of(Invoice).outerjoin(table_of(Order), ORDERS.id == INVOICES.order_id)

NUMBER = func.coalesce(INVOICES.invoice_number, func.concat("DRAFT-", INVOICES.id))
IS_OWED = INVOICES.status.in_([InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID])
IS_OVERDUE = and_(IS_OWED, INVOICES.overdue_from <= func.now())
NEWEST = (INVOICES.created_at.desc(), INVOICES.id.desc())


class StatusFilter(StrEnum):
    """The statuses by which a list can be filtered; overdue is computed."""

    DRAFT = "draft"
    SENT = "sent"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"
    OVERDUE = "overdue"


class ListInvoices(NewestPageInput):
    """Which invoices to list."""

    status: StatusFilter | None = None
    """Only invoices of this status. Overdue are those that were due before today and are not paid."""


@dataclass(frozen=True, slots=True)
class InvoiceItemRow:
    """One line of an invoice."""

    invoice_id: int
    product_id: int | None
    description: str
    sku: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice without its lines. Amounts are in US dollars."""

    id: int
    invoice_number: str
    status: str
    revision: int
    is_overdue: bool
    customer_id: int | None
    customer_name: str
    customer_company: str
    customer_email: str | None
    customer_phone: str | None
    customer_address: str
    customer_city: str
    customer_state: str
    customer_zip: str
    subtotal: Decimal
    discount_amount: Decimal
    shipping_fee: Decimal
    tax_rate: Decimal
    tax_amount: Decimal
    total_amount: Decimal
    amount_paid: Decimal
    allowances: Decimal
    balance: Decimal
    payment_method: str | None
    payment_terms: str
    due_date: date | None
    notes: str
    internal_notes: str
    attention: str
    created_by: str
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    paid_at: datetime | None
    order_id: int | None
    order_number: str | None
    po_number: str
    version: int

    @property
    def payer(self) -> str:
        """The name shown in lists: the company, or else the person."""
        return self.customer_company or self.customer_name


_COMPUTED: dict[str, Any] = {
    "invoice_number": NUMBER,
    "is_overdue": func.coalesce(IS_OVERDUE, False),
    "created_by": INVOICES.actor_name,
}
ROW_NAMES = [field.name for field in fields(InvoiceRow)]
_SELECT = select(
    *(_COMPUTED[name].label(name) if name in _COMPUTED else INVOICES[name] for name in ROW_NAMES)
).select_from(FROM)
_SELECT_ITEMS = select(*(ITEMS[field.name] for field in fields(InvoiceItemRow)))


def may_be_seen_by(actor: Actor) -> ColumnElement[bool] | None:
    """Return the condition that limits a rep to the invoices of their own customers and orders; None for no limit."""
    if actor.is_customer:
        return INVOICES.customer_id == actor.id
    if actor.has_role(Role.SALES_REP):
        return or_(
            INVOICES.customer_id.in_(select(CUSTOMERS.id).where(CUSTOMERS.sales_rep_id == actor.id)),
            INVOICES.order_id.in_(select(ORDERS.id).where(ORDERS.sales_rep_id == actor.id)),
        )
    return None


def status_condition(status: StatusFilter) -> ColumnElement[bool]:
    """Return the condition for one status, including overdue."""
    return IS_OVERDUE if status is StatusFilter.OVERDUE else INVOICES.status == status.value


async def list_invoices(db: Reader, asked: ListInvoices, *, visible_to: Actor) -> Page[InvoiceRow]:
    """Return a page of the invoices that the actor may see, newest first. The total is exact."""
    require(visible_to, Right.SEE_INVOICES, "Your role does not see invoices.")
    conditions = [] if (own := may_be_seen_by(visible_to)) is None else [own]
    if asked.status is not None:
        conditions.append(status_condition(asked.status))
    rows = await read_page(db, conditions, asked)
    total = await db.scalar(select(func.count()).select_from(FROM.left).where(*conditions))
    return make_page(rows, total or 0, asked)


async def get_invoice(db: Reader, invoice_id: int, *, visible_to: Actor) -> InvoiceRow:
    """Return one invoice. Raises NotFound if the actor may not see it."""
    require(visible_to, Right.SEE_INVOICES, "Your role does not see invoices.")
    own = may_be_seen_by(visible_to)
    which = INVOICES.id == invoice_id
    rows = await read_rows(db, _SELECT.where(which if own is None else and_(which, own)))
    if not rows:
        raise NotFound("There is no such invoice.")
    return rows[0]


async def list_customer_invoices(
    db: Reader, customer_id: int, asked: NewestPageInput, *, visible_to: Actor
) -> Page[InvoiceRow]:
    """Return a customer's invoices, newest first: those linked to them, or with their email or phone.

    Raises NotFound for an unknown customer. A rep sees all invoices of their own customers; of other customers only
    those of the rep's own orders.
    """
    require(visible_to, Right.SEE_INVOICES, "Your role does not see invoices.")
    statement = select(CUSTOMERS.email, CUSTOMERS.phone, CUSTOMERS.sales_rep_id).where(CUSTOMERS.id == customer_id)
    customer = (await db.execute(statement)).one_or_none()
    if customer is None:
        raise NotFound("There is no such customer.")
    ways = [INVOICES.customer_id == customer_id]
    if customer.email:
        ways.append(func.lower(INVOICES.customer_email) == customer.email.lower())
    if customer.phone:
        ways.append(INVOICES.customer_phone == customer.phone)
    conditions: list[ColumnElement[bool]] = [or_(*ways)]
    own = may_be_seen_by(visible_to)
    if own is not None and customer.sales_rep_id != visible_to.id:
        conditions.append(own)
    rows = await read_page(db, conditions, asked)
    total = await db.scalar(select(func.count()).select_from(FROM.left).where(*conditions))
    return make_page(rows, total or 0, asked)


async def list_items(db: Reader, invoice_ids: Sequence[int]) -> dict[int, list[InvoiceItemRow]]:
    """Return the lines of several invoices by invoice id, each in its own sequence, in one statement."""
    found: dict[int, list[InvoiceItemRow]] = defaultdict(list)
    if not invoice_ids:
        return found
    statement = _SELECT_ITEMS.where(ITEMS.invoice_id.in_(invoice_ids)).order_by(ITEMS.invoice_id, ITEMS.position)
    for row in await db.execute(statement):
        found[row.invoice_id].append(InvoiceItemRow(*row))
    return found


def select_rows(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the statement for the invoices that match the conditions, for lists with their own sort order."""
    return _SELECT.where(*conditions)


async def read_page(
    db: Reader,
    conditions: Sequence[ColumnElement[bool]],
    asked: PageInput,
    *,
    order: Sequence[ColumnElement[Any]] = NEWEST,
) -> list[InvoiceRow]:
    """Return the invoices of a page. However deep the page is, only its own rows are read completely."""
    which = INVOICES.id.in_(choose_ids(conditions).order_by(*order).limit(asked.per_page).offset(asked.offset))
    return await read_rows(db, select_rows(which).order_by(*order))


def choose_ids(conditions: Sequence[ColumnElement[bool]]) -> Select[int]:
    """Select the ids of the invoices that match the conditions, joining orders only if a condition needs them."""
    chosen = select(INVOICES.id).where(*conditions)
    return chosen.select_from(FROM) if table_of(Order) in chosen.get_final_froms() else chosen


async def read_rows(db: Reader, statement: Select[Any]) -> list[InvoiceRow]:
    """Return the rows of a statement made by `select_rows`."""
    return [InvoiceRow(*row) for row in await db.execute(statement)]
