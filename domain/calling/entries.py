"""Reads of the calling list: its filters, its segments, and rows with the purchases of each entry.

People who asked not to be called are in no segment and on no page.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field
from sqlalchemy import ColumnElement, Select, and_, cast, func, or_, select
from sqlalchemy import Date as SqlDate

from domain.calling.counts import count_tabs
from domain.calling.marks import MAY_BE_LISTED
from domain.calling.rules import Callee
from domain.calling.scores import LEAST_SCORE, MOST_SCORE
from domain.calling.tabs import Segment, in_segment
from domain.calling.visible import ENTRIES, may_be_called_by, may_be_seen_by, sells
from domain.kernel.actor import Actor
from domain.kernel.addresses import compose_address
from domain.kernel.clock import business_date, business_today
from domain.kernel.errors import NotFound
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.texts import as_search_pattern
from domain.kernel.whole_numbers import read_id
from domain.orders.filters import ITEMS, ORDERS
from domain.orders.queries import Reader
from models import CallingEntry, CallingStatus, OrderItem, OrderStatus, Staff, columns_of, table_of

MOST_SKUS = 50
_FILTERS = {"status", "q", "assignee", "purchased_skus", "score_min", "score_max"}
_PHONE = re.compile(r"[\d\s().+-]{3,}")
STAFF = columns_of(Staff)


class EntrySort(StrEnum):
    """The columns by which the list can be sorted."""

    PRIORITY_SCORE = "priority_score"
    LAST_CALLED = "last_called"
    LAST_ORDER_DATE = "last_order_date"
    COMPANY_NAME = "company_name"
    CREATED_AT = "created_at"
    TOTAL_SPEND = "total_spend"


class Direction(StrEnum):
    """The direction of the sort."""

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
    """Return the SKUs of a comma-separated text, in lower case."""
    return sorted({part.strip().lower() for part in text.split(",") if part.strip()})


class ListEntries(PageInput):
    """The filters of the calling list."""

    sort: EntrySort = EntrySort.PRIORITY_SCORE
    """The column to sort by."""
    dir: Direction = Direction.DESC
    """The direction; entries without an order or a call come last in both directions."""
    status: CallingStatus | None = None
    """Only this status; by default, all entries that are not closed."""
    q: Text200 = ""
    """Name, company, email or phone; fewer than three characters match only beginnings."""
    assignee: Annotated[Text200, AfterValidator(_check_assignee)] = ""
    """The id of a colleague, `me`, or `none` for entries without a colleague who sells."""
    purchased_skus: Annotated[str, Field(max_length=4000), AfterValidator(_check_skus)] = ""
    """Comma-separated SKUs; entries that bought any of them are listed."""
    segment: Segment = Segment.PRIORITY
    """The tab."""
    score_min: Annotated[float, Field(ge=LEAST_SCORE, le=MOST_SCORE)] = LEAST_SCORE
    """The lowest score listed, 0–100; by default, the company's setting."""
    score_max: Annotated[float, Field(ge=LEAST_SCORE, le=MOST_SCORE)] = MOST_SCORE
    """The highest score listed, 0–100; by default, the company's setting."""

    def within(self, least: float, most: float) -> Self:
        """Return the same filters, with these bounds of the score if the caller sent none."""
        bounds = {"score_min": least, "score_max": most}
        return self.model_copy(update={name: bounds[name] for name in bounds.keys() - self.model_fields_set})


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry as lists and answers show it; amounts in US dollars of orders that are not cancelled.

    `is_left` says that the entry is assigned to a colleague who no longer sells.
    """

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
    is_left: bool
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
        """The address on one line."""
        return compose_address(self.street, self.city, self.state, self.zip, self.country)

    @property
    def name(self) -> str:
        """The name in lists: the company, else the person."""
        person = self.contact_name or f"{self.first_name} {self.last_name}".strip()
        return self.company_name or person or self.phone or f"Entry {self.id}"

    @property
    def callee(self) -> Callee:
        """The entry as the call rules check it; do-not-call of either number applies."""
        return Callee(self.phone, self.zip, self.state, self.do_not_call)

    @property
    def last_called(self) -> datetime | None:
        """The last call, under the name used by the contract."""
        return self.last_called_at


# Who no longer sells; what was theirs is unassigned until a manager hands it over.
_LEFT = select(STAFF.id).where(~sells(STAFF))


def day_of(moment: ColumnElement[datetime | None], zone: tzinfo) -> ColumnElement[date]:
    """The business day of an instant."""
    return cast(func.timezone(str(zone), moment), SqlDate)


def select_entries(zone: tzinfo) -> Select[Any]:
    """Select the columns of an EntryRow."""
    special: dict[str, ColumnElement[Any]] = {
        "assignee_name": func.coalesce(func.nullif(STAFF.full_name, ""), STAFF.username).label("assignee_name"),
        "is_left": and_(ENTRIES.assigned_to.is_not(None), ~sells(STAFF)).label("is_left"),
        "do_not_call": (~MAY_BE_LISTED).label("do_not_call"),
        "last_order_date": day_of(ENTRIES.last_order_at, zone).label("last_order_date"),
    }
    columns = [special[field.name] if field.name in special else ENTRIES[field.name] for field in fields(EntryRow)]
    entries, staff = table_of(CallingEntry), table_of(Staff)
    return select(*columns).select_from(entries.outerjoin(staff, STAFF.id == ENTRIES.assigned_to))


async def list_entries(
    db: Reader,
    query: ListEntries,
    *,
    visible_to: Actor,
    timezone: tzinfo,
    counts: Mapping[Segment, int] | None = None,
) -> Page[EntryRow]:
    """Return a page of callable entries that the actor works with; one statement if `counts` are given, else two."""
    conditions = find_conditions(query, visible_to=visible_to, timezone=timezone)
    order = _sequence(query)
    # Only the rows of the page are read in full, however deep it is.
    ids = select(ENTRIES.id).where(*conditions).order_by(*order).limit(query.per_page).offset(query.offset).subquery()
    statement = select_entries(timezone).where(ENTRIES.id.in_(select(ids.c.id))).order_by(*order)
    rows = [EntryRow(*row) for row in await db.execute(statement)]
    return make_page(rows, await _count(db, query, conditions, visible_to, timezone, counts), query)


async def _count(  # noqa: PLR0917 - the list's own arguments
    db: Reader,
    query: ListEntries,
    conditions: list[ColumnElement[bool]],
    visible_to: Actor,
    timezone: tzinfo,
    counts: Mapping[Segment, int] | None,
) -> int:
    """Return the total of a list: from the stored counts, unless a filter is not covered by them."""
    asked = {name for name, value in query if name in _FILTERS and value != ListEntries.model_fields[name].default}
    if asked - {"assignee"}:
        return await db.scalar(select(func.count()).select_from(table_of(CallingEntry)).where(*conditions)) or 0
    if asked or counts is None:
        assignee = _read_assignee(query, visible_to)
        whose = [assignee] if assignee else None
        if assignee == 0:
            whose = [0, *await db.scalars(_LEFT)]
        counts = await count_tabs(db, visible_to=visible_to, timezone=timezone, whose=whose)
    return counts[query.segment]


def _read_assignee(query: ListEntries, actor: Actor) -> int | None:
    """Return whose entries are requested: a colleague's id, 0 for those without one, or None for all."""
    if query.assignee in {"none", "me"}:
        return 0 if query.assignee == "none" else actor.id
    return int(query.assignee) if query.assignee else None


async def get_entry(db: Reader, entry_id: int, *, visible_to: Actor, timezone: tzinfo) -> EntryRow:
    """Return one entry, even if it must not be called. Raises NotFound for another rep's."""
    statement = select_entries(timezone).where(ENTRIES.id == entry_id, may_be_called_by(visible_to))
    found = (await db.execute(statement)).first()
    if found is None:
        raise NotFound("There is no such entry on the calling list.")
    return EntryRow(*found)


def find_conditions(query: ListEntries, *, visible_to: Actor, timezone: tzinfo) -> list[ColumnElement[bool]]:
    """Return the conditions of a list; people who must not be called match none of them."""
    found = [MAY_BE_LISTED, may_be_seen_by(visible_to), in_segment(query.segment, timezone)]
    found.append(ENTRIES.status == query.status if query.status else ENTRIES.status != CallingStatus.CLOSED)
    if (assignee := _read_assignee(query, visible_to)) is not None:
        nobodys = or_(ENTRIES.assigned_to.is_(None), ENTRIES.assigned_to.in_(_LEFT))
        found.append(ENTRIES.assigned_to == assignee if assignee else nobodys)
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


def days_since(moment: datetime | None, timezone: tzinfo) -> int | None:
    """Return the whole business days since an instant."""
    return None if moment is None else (business_today(timezone) - business_date(moment, timezone)).days


def _search(text: str) -> ColumnElement[bool]:
    """Search by name, company, email or phone; under three characters only by the beginning of a company name."""
    wanted = text.strip().lower()
    digits = re.sub(r"\D", "", wanted)
    if _PHONE.fullmatch(wanted) and len(digits) >= 3:
        return ENTRIES.search_text.like(f"%{digits.removeprefix('1') if len(digits) == 11 else digits}%")
    pattern = as_search_pattern(wanted)
    if len(re.sub(r"\W", "", wanted)) < 3:
        return ENTRIES.search_text.like(f"{pattern}%")
    return and_(*(ENTRIES.search_text.like(f"%{word}%") for word in pattern.split()))


def _sequence(query: ListEntries) -> list[ColumnElement[object]]:
    """Return the order of the list; ties are decided by id, and entries without a value come last."""
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
