"""The calling list as it is read: its filters, its segments, and rows with what each has bought.

Anybody who asked not to be called is in no segment and on no page of it.
"""

import re
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from sqlalchemy import ColumnElement, Select, and_, case, cast, exists, func, or_, select
from sqlalchemy import Date as SqlDate
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.calling.rules import Callee
from domain.calling.scores import LEAST_SCORE, MOST_SCORE
from domain.calling.visible import ENTRIES, may_be_seen_by
from domain.kernel.actor import Actor
from domain.kernel.addresses import compose_address
from domain.kernel.clock import business_date, business_today, now, start_of_business_day
from domain.kernel.errors import NotFound
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.texts import as_search_pattern
from domain.kernel.whole_numbers import read_id
from domain.messages.suppression import NUMBERS
from domain.orders.filters import ITEMS, ORDERS
from models import CallingEntry, CallingStatus, Customer, OrderItem, OrderStatus, Staff, columns_of, table_of

Reader = AsyncSession | AsyncConnection

REST_DAYS = 3
LAPSED_DAYS = 90
WINDOW = (0.8, 1.3)
MOST_SKUS = 50
_PHONE = re.compile(r"[\d\s().+-]{3,}")
STAFF = columns_of(Staff)
CUSTOMERS = columns_of(Customer)


class Segment(StrEnum):
    """The tabs of the calling list."""

    PRIORITY = "priority"
    WINDOW = "window"
    LAPSED = "lapsed"
    CALLED = "called"
    ALL = "all"


class EntrySort(StrEnum):
    """What the list can be sorted by."""

    PRIORITY_SCORE = "priority_score"
    LAST_CALLED = "last_called"
    LAST_ORDER_DATE = "last_order_date"
    COMPANY_NAME = "company_name"
    CREATED_AT = "created_at"
    TOTAL_SPEND = "total_spend"


class Direction(StrEnum):
    """Which end of a sorted list comes first."""

    ASC = "asc"
    DESC = "desc"


def _check_assignee(value: str) -> str:
    if value not in {"", "me", "none"} and read_id(value) is None:
        raise bad_field("must be a colleague's id, me or none")
    return value


def _check_skus(value: str) -> str:
    if len(split_skus(value)) > MOST_SKUS:
        raise bad_field(f"must name at most {MOST_SKUS} SKUs")
    return value


def split_skus(text: str) -> list[str]:
    """The SKUs of a comma-separated text, in lower case."""
    return sorted({part.strip().lower() for part in text.split(",") if part.strip()})


class ListEntries(PageInput):
    """What the calling list may be asked for."""

    sort: EntrySort = EntrySort.PRIORITY_SCORE
    """What to sort by."""
    dir: Direction = Direction.DESC
    """Which end comes first; who never ordered or was never called comes last either way."""
    status: CallingStatus | None = None
    """One status alone; without it everybody who is not closed."""
    q: Text200 = ""
    """Name, company, email or phone; three letters, fewer find beginnings."""
    assignee: Annotated[Text200, AfterValidator(_check_assignee)] = ""
    """A colleague's id, `me`, or `none` for entries without one."""
    purchased_skus: Annotated[str, Field(max_length=4000), AfterValidator(_check_skus)] = ""
    """Comma-separated SKUs; who bought any of them is listed."""
    segment: Segment = Segment.PRIORITY
    """The tab."""
    score_min: Annotated[float, Field(ge=LEAST_SCORE, le=MOST_SCORE)] = LEAST_SCORE
    """The lowest score listed, 0–100."""
    score_max: Annotated[float, Field(ge=LEAST_SCORE, le=MOST_SCORE)] = MOST_SCORE
    """The highest score listed, 0–100."""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry as lists and answers show it; money is US dollars of orders that were not cancelled."""

    id: int
    customer_id: int | None
    first_name: str
    last_name: str
    contact_name: str
    company_name: str
    email: str | None
    phone: str | None
    phone2: str | None
    street: str
    city: str
    state: str
    zip: str
    country: str
    notes: str
    assigned_to: int | None
    assignee_name: str | None
    status: str
    priority_score: float
    do_not_call: bool
    last_called_at: datetime | None
    last_outcome: str
    callback_on: date | None
    last_order_at: datetime | None
    last_order_date: date | None
    order_count: int
    order_days: int
    total_spend: Decimal
    version: int

    @property
    def address(self) -> str:
        """The address as one line."""
        return compose_address(self.street, self.city, self.state, self.zip, self.country)

    @property
    def name(self) -> str:
        """Whom a list names: the company, else the person."""
        person = self.contact_name or f"{self.first_name} {self.last_name}".strip()
        return self.company_name or person or self.phone or f"Entry {self.id}"

    @property
    def callee(self) -> Callee:
        """Who is asked about where it matters whether they may be called; either number's mark counts."""
        return Callee(self.phone, self.zip, self.state, self.do_not_call)

    @property
    def last_called(self) -> datetime | None:
        """The last call, under the name that the contract gives it."""
        return self.last_called_at


_MARKED = or_(
    exists().where(NUMBERS.do_not_call, NUMBERS.phone.in_((ENTRIES.phone, ENTRIES.phone2))),
    exists().where(CUSTOMERS.id == ENTRIES.customer_id, CUSTOMERS.do_not_call),
)
# NOT IN stays a hashed lookup, which goes with the order of an index; a join of these would read and sort everybody.
_QUIET = select(NUMBERS.phone).where(NUMBERS.do_not_call)
MAY_BE_LISTED = and_(
    func.coalesce(ENTRIES.phone, "").not_in(_QUIET),
    func.coalesce(ENTRIES.phone2, "").not_in(_QUIET),
    func.coalesce(ENTRIES.customer_id, 0).not_in(select(CUSTOMERS.id).where(CUSTOMERS.do_not_call)),
)


def day_of(moment: ColumnElement[datetime | None], zone: tzinfo) -> ColumnElement[date]:
    """The business day of an instant."""
    return cast(func.timezone(str(zone), moment), SqlDate)


def select_entries(zone: tzinfo) -> Select[Any]:
    """The columns of an EntryRow."""
    special: dict[str, ColumnElement[Any]] = {
        "assignee_name": func.coalesce(func.nullif(STAFF.full_name, ""), STAFF.username).label("assignee_name"),
        "do_not_call": _MARKED.label("do_not_call"),
        "last_order_date": day_of(ENTRIES.last_order_at, zone).label("last_order_date"),
    }
    columns = [special[field.name] if field.name in special else ENTRIES[field.name] for field in fields(EntryRow)]
    entries, staff = table_of(CallingEntry), table_of(Staff)
    return select(*columns).select_from(entries.outerjoin(staff, STAFF.id == ENTRIES.assigned_to))


async def list_entries(db: Reader, query: ListEntries, *, visible_to: Actor, timezone: tzinfo) -> Page[EntryRow]:
    """A page of those who may be called and whom the actor works with; two statements."""
    conditions = find_conditions(query, visible_to=visible_to, timezone=timezone)
    statement = (
        select_entries(timezone)
        .where(*conditions)
        .order_by(*_sequence(query))
        .limit(query.per_page)
        .offset(query.offset)
    )
    rows = [EntryRow(*row) for row in await db.execute(statement)]
    entries = table_of(CallingEntry)
    total = await db.scalar(select(func.count()).select_from(entries).where(*conditions))
    return make_page(rows, total or 0, query)


async def get_entry(db: Reader, entry_id: int, *, visible_to: Actor, timezone: tzinfo) -> EntryRow:
    """One entry, also of somebody who must not be called; raises NotFound for another rep's."""
    statement = select_entries(timezone).where(ENTRIES.id == entry_id, may_be_seen_by(visible_to))
    found = (await db.execute(statement)).first()
    if found is None:
        raise NotFound("There is no such entry on the calling list.")
    return EntryRow(*found)


def find_conditions(query: ListEntries, *, visible_to: Actor, timezone: tzinfo) -> list[ColumnElement[bool]]:
    """The conditions of a list; anybody who must not be called meets none of them."""
    found = [MAY_BE_LISTED, may_be_seen_by(visible_to), in_segment(query.segment, timezone)]
    found.append(ENTRIES.status == query.status if query.status else ENTRIES.status != CallingStatus.CLOSED)
    if query.assignee == "none":
        found.append(ENTRIES.assigned_to.is_(None))
    elif query.assignee:
        found.append(ENTRIES.assigned_to == (visible_to.id if query.assignee == "me" else int(query.assignee)))
    if query.score_min > LEAST_SCORE:
        found.append(ENTRIES.priority_score >= query.score_min)
    if query.score_max < MOST_SCORE:
        found.append(ENTRIES.priority_score <= query.score_max)
    if query.q:
        found.append(_search(query.q))
    if skus := split_skus(query.purchased_skus):
        bought = (
            select(ORDERS.customer_id)
            .join(table_of(OrderItem), ITEMS.order_id == ORDERS.id)
            .where(func.lower(ITEMS.product_sku).in_(skus), ORDERS.status != OrderStatus.CANCELLED)
        )
        found.append(ENTRIES.customer_id.in_(bought))
    return found


def in_segment(segment: Segment, timezone: tzinfo) -> ColumnElement[bool]:
    """Who stands under a tab; the days are those of the business's own calendar."""
    today = business_today(timezone)
    match segment:
        case Segment.PRIORITY:
            rested = now() - timedelta(days=REST_DAYS)
            return and_(
                ENTRIES.phone.is_not(None), or_(ENTRIES.last_called_at.is_(None), ENTRIES.last_called_at < rested)
            )
        case Segment.WINDOW:
            since = today - day_of(ENTRIES.last_order_at, timezone)
            span = day_of(ENTRIES.last_order_at, timezone) - day_of(ENTRIES.first_order_at, timezone)
            cycle = func.greatest(span * 1.0 / func.nullif(ENTRIES.order_days - 1, 0), 1)
            return case((ENTRIES.order_days > 1, (since / cycle).between(*WINDOW)), else_=False)
        case Segment.LAPSED:
            return ENTRIES.last_order_at < start_of_business_day(today - timedelta(days=LAPSED_DAYS), timezone)
        case Segment.CALLED:
            return ENTRIES.last_called_at >= start_of_business_day(today, timezone)
        case Segment.ALL:
            return ENTRIES.id.is_not(None)


def days_since(moment: datetime | None, timezone: tzinfo) -> int | None:
    """Whole business days since an instant."""
    return None if moment is None else (business_today(timezone) - business_date(moment, timezone)).days


def _search(text: str) -> ColumnElement[bool]:
    """Name, company, email or phone; under three letters only a company's beginning."""
    wanted = text.strip().lower()
    digits = re.sub(r"\D", "", wanted)
    if _PHONE.fullmatch(wanted) and len(digits) >= 3:
        return ENTRIES.search_text.like(f"%{digits.removeprefix('1') if len(digits) == 11 else digits}%")
    pattern = as_search_pattern(wanted)
    if len(re.sub(r"\W", "", wanted)) < 3:
        return ENTRIES.search_text.like(f"{pattern}%")
    return and_(*(ENTRIES.search_text.like(f"%{word}%") for word in pattern.split()))


def _sequence(query: ListEntries) -> list[ColumnElement[object]]:
    """The order of the list; the id decides between equals, and who has no value comes last."""
    columns: dict[EntrySort, ColumnElement[object]] = {
        EntrySort.PRIORITY_SCORE: ENTRIES.priority_score,
        EntrySort.LAST_CALLED: ENTRIES.last_called_at,
        EntrySort.LAST_ORDER_DATE: ENTRIES.last_order_at,
        EntrySort.COMPANY_NAME: func.lower(ENTRIES.company_name),
        EntrySort.CREATED_AT: ENTRIES.created_at,
        EntrySort.TOTAL_SPEND: ENTRIES.total_spend,
    }
    column = columns[query.sort]
    may_be_empty = query.sort in {EntrySort.LAST_CALLED, EntrySort.LAST_ORDER_DATE}
    if query.dir is Direction.ASC:
        return [column.asc().nulls_last() if may_be_empty else column.asc(), ENTRIES.id.asc()]
    return [column.desc().nulls_last() if may_be_empty else column.desc(), ENTRIES.id.desc()]
