"""The office's list of invoices: tabs with counts, filters, the ageing buckets, and the reminders that were sent."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select

from domain.access.rights import Right, require
from domain.invoices.ageing import Age, AgeBucket, days_range, list_ages
from domain.invoices.queries import (
    CUSTOMERS,
    FROM,
    INVOICES,
    IS_OVERDUE,
    IS_OWED,
    NEWEST,
    ORDERS,
    InvoiceRow,
    Reader,
    choose_ids,
    may_be_seen_by,
    read_page,
)
from domain.kernel.actor import Actor
from domain.kernel.inputs import DateIn, Id, Text200
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.texts import as_search_pattern
from models import InvoiceReminder, InvoiceStatus, columns_of

REMINDERS = columns_of(InvoiceReminder)
# Counting stops here, and the page says so.
MOST_COUNTED = 20_000


class InvoiceTab(StrEnum):
    """The tabs of the list. Open is everything that is owed."""

    OPEN = "open"
    DRAFT = "draft"
    OVERDUE = "overdue"
    PARTLY_PAID = "partly_paid"
    SENT = "sent"
    PAID = "paid"
    VOID = "void"
    ALL = "all"


class Due(StrEnum):
    """When an invoice is due."""

    WEEK = "week"
    MONTH = "month"


class InvoiceSort(StrEnum):
    """The sort orders of the list."""

    DUE = "due"
    DUE_LAST = "-due"
    NEWEST = "-created"


class InvoiceFilters(PageInput):
    """The filters of the list."""

    status: InvoiceTab = InvoiceTab.OPEN
    q: Text200 | None = None
    due: Due | None = None
    age: Age | None = None
    late: bool | None = None
    rep_id: Id | None = None
    customer_id: Id | None = None
    sent_from: DateIn | None = None
    sent_to: DateIn | None = None
    sort: InvoiceSort | None = None


@dataclass(frozen=True, slots=True)
class Reminded:
    """The newest reminder of an invoice, and the number of its reminders."""

    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceListing:
    """A page of the list with tab counts, ageing buckets and reminders. `silent` customers get no reminders."""

    page: Page[InvoiceRow]
    tabs: dict[str, int]
    ages: list[AgeBucket]
    reminders: dict[int, Reminded]
    silent: frozenset[int]

    @property
    def owed(self) -> Decimal:
        """What is owed in total, in US dollars."""
        return sum((bucket.amount for bucket in self.ages), Decimal("0.00"))

    @property
    def late(self) -> Decimal:
        """The part of it that is past due."""
        return sum((bucket.amount for bucket in self.ages[1:]), Decimal("0.00"))


async def get_invoice_list(db: Reader, filters: InvoiceFilters, *, today: date, visible_to: Actor) -> InvoiceListing:
    """Return the list as the actor may see it, in six statements."""
    require(visible_to, Right.SEE_INVOICES, "Your role does not see invoices.")
    own = may_be_seen_by(visible_to)
    mine: list[ColumnElement[bool]] = [] if own is None else [own]
    conditions = [*mine, *_conditions(filters, today)]
    rows = await read_page(db, conditions, filters, order=_order(filters))
    counted = choose_ids(conditions).limit(MOST_COUNTED).subquery()
    total = await db.scalar(select(func.count()).select_from(counted))
    ids = [row.id for row in rows]
    statement = (
        select(REMINDERS.invoice_id, func.count(), func.max(REMINDERS.created_at))
        .where(REMINDERS.invoice_id.in_(ids))
        .group_by(REMINDERS.invoice_id)
    )
    reminders = {row[0]: Reminded(row[1], row[2]) for row in await db.execute(statement)}
    customers = {row.customer_id for row in rows if row.customer_id is not None}
    silent = await db.execute(
        select(CUSTOMERS.id).where(CUSTOMERS.id.in_(customers), CUSTOMERS.sends_reminders.is_(False))
    )
    return InvoiceListing(
        page=make_page(rows, total or 0, filters),
        tabs=await _count_tabs(db, mine),
        ages=await list_ages(db, today=today, visible_to=visible_to),
        reminders=reminders,
        silent=frozenset(silent.scalars()),
    )


async def find_invoice_neighbours(
    db: Reader, invoice_id: int, filters: InvoiceFilters, *, today: date, visible_to: Actor
) -> Neighbours:
    """Return the invoices before and after one in the list with these filters, among those the actor may see."""
    return await find_listed_neighbours(
        db,
        name=INVOICES.id,
        source=FROM,
        order=_order(filters),
        here=invoice_id,
        conditions=find_conditions(filters, today=today, visible_to=visible_to),
    )


def find_conditions(filters: InvoiceFilters, *, today: date, visible_to: Actor) -> list[ColumnElement[bool]]:
    """Return the conditions of the list for the invoices that the actor may see."""
    own = may_be_seen_by(visible_to)
    return [*([] if own is None else [own]), *_conditions(filters, today)]


def _tab_condition(tab: InvoiceTab) -> ColumnElement[bool] | None:
    if tab is InvoiceTab.ALL:
        return None
    if tab is InvoiceTab.OPEN:
        return IS_OWED
    return IS_OVERDUE if tab is InvoiceTab.OVERDUE else INVOICES.status == InvoiceStatus(tab.value)


def _conditions(filters: InvoiceFilters, today: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if (tab := _tab_condition(filters.status)) is not None:
        found.append(tab)
    if filters.due is not None:
        days = 7 if filters.due is Due.WEEK else 30
        found.append(INVOICES.due_date.between(today, today + timedelta(days=days)))
    if filters.age is not None:
        least, most = days_range(filters.age)
        found.append(and_(IS_OWED, INVOICES.due_date.between(_days_ago(today, most), _days_ago(today, least))))
    if filters.late:
        found.append(and_(IS_OWED, INVOICES.due_date < today))
    if filters.rep_id is not None:
        theirs = select(CUSTOMERS.id).where(CUSTOMERS.sales_rep_id == filters.rep_id)
        found.append(or_(INVOICES.customer_id.in_(theirs), ORDERS.sales_rep_id == filters.rep_id))
    if filters.customer_id is not None:
        found.append(INVOICES.customer_id == filters.customer_id)
    if filters.q:
        found.append(search_condition(filters.q))
    return found


def _days_ago(today: date, days: int) -> date:
    return date.max if days <= -100_000 else date.min if days >= 100_000 else today - timedelta(days=days)


def search_condition(wanted: str) -> ColumnElement[bool]:
    """Search by number, customer, email, phone, PO or order number."""
    words = as_search_pattern(wanted.strip().lower()).split()
    return or_(
        and_(*(INVOICES.search_text.like(f"%{word}%") for word in words)),
        ORDERS.order_number == wanted.strip().upper(),
    )


def _order(filters: InvoiceFilters) -> tuple[ColumnElement[object], ...]:
    sort = filters.sort or (
        InvoiceSort.DUE if filters.status in {InvoiceTab.OPEN, InvoiceTab.OVERDUE} else InvoiceSort.NEWEST
    )
    if sort is InvoiceSort.NEWEST:
        return NEWEST
    due = INVOICES.due_date.asc() if sort is InvoiceSort.DUE else INVOICES.due_date.desc()
    return (due.nulls_last(), INVOICES.id.asc())


async def _count_tabs(db: Reader, mine: list[ColumnElement[bool]]) -> dict[str, int]:
    """Count the invoices of each tab in one statement; counting stops at MOST_COUNTED."""
    counts = []
    for tab in InvoiceTab:
        condition = _tab_condition(tab)
        rows = select(INVOICES.id).where(*mine, *([] if condition is None else [condition])).limit(MOST_COUNTED)
        counts.append(select(func.count()).select_from(rows.subquery()).scalar_subquery().label(tab.value))
    return dict((await db.execute(select(*counts))).mappings().one())
