"""The tabs and filters of the page of customers, each a condition that an index feeds."""

from datetime import date, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator
from sqlalchemy import CTE, TIMESTAMP, ColumnElement, FromClause, Integer, cast, exists, func, or_, select

from domain.customers.last_orders import KEPT, find_fresh_days, has_never_ordered, is_unchanged
from domain.customers.list_customers import CustomerSort, ListCustomers, SortDirection, conditions_of
from domain.customers.rows import CUSTOMERS
from domain.customers.totals import ORDERS
from domain.kernel.clock import business_today
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Text60, Text200
from domain.kernel.paging import PageInput
from domain.kernel.whole_numbers import read_id
from domain.messages.suppression import NUMBERS
from models import CustomerScore, OrderStatus, PaymentTerms, columns_of

# The customers once more, to find them by their numbers.
OWNERS = CUSTOMERS.id.table.alias("owners").c
SCORES = columns_of(CustomerScore)
NOBODY = "none"


class CustomerTab(StrEnum):
    """The tabs of the page."""

    ALL = "all"
    OVERDUE = "overdue"
    OVER_LIMIT = "over_limit"
    LATE_TO_ORDER = "late_to_order"
    GOOD = "good"
    DO_NOT_CALL = "do_not_call"


class BrowseSort(StrEnum):
    """The orders of the page; "-" falls."""

    NEWEST = "-joined"
    OLDEST = "joined"
    COMPANY = "company"
    COMPANY_FALLING = "-company"
    CONTACT = "contact"
    CONTACT_FALLING = "-contact"
    LAST_ORDER = "last"
    LAST_ORDER_FALLING = "-last"
    OWES = "owes"
    OWES_FALLING = "-owes"

    @property
    def is_falling(self) -> bool:
        """True for the greatest, the newest or the end of the alphabet first."""
        return self.value.startswith("-")

    @property
    def is_by_debt(self) -> bool:
        """True for the order by what each owes, which no column holds."""
        return self in {BrowseSort.OWES, BrowseSort.OWES_FALLING}

    @property
    def is_by_last_order(self) -> bool:
        """True for the order by the day of the last order, which is kept in another table."""
        return self in {BrowseSort.LAST_ORDER, BrowseSort.LAST_ORDER_FALLING}


class LastOrder(StrEnum):
    """How long ago somebody ordered last."""

    WEEK = "7"
    MONTH = "30"
    NONE_FOR_A_MONTH = "over30"
    NONE_FOR_A_QUARTER = "over90"
    NEVER = "never"


def _check_rep(value: str) -> str:
    if value not in {"", NOBODY} and read_id(value) is None:
        raise bad_field("must be a rep's id or none")
    return value


# The id of a rep, or "none" for customers without one.
RepChoice = Annotated[Text60, AfterValidator(_check_rep)]


# Those who owe the same, as most do, stand in the order in which they joined; those of one day, or who never ordered,
# in the order of their ids.
_SORTS = {
    "joined": CustomerSort.CREATED_AT, "company": CustomerSort.COMPANY_NAME, "contact": CustomerSort.LAST_NAME,
    "owes": CustomerSort.CREATED_AT, "last": CustomerSort.ID,
}  # fmt: skip


class BrowseCustomers(PageInput):
    """The address of the list."""

    q: Text200 | None = None
    tab: CustomerTab = CustomerTab.ALL
    rep: RepChoice | None = None
    terms: PaymentTerms | None = None
    last: LastOrder | None = None
    state: Text60 | None = None
    sort: BrowseSort = BrowseSort.NEWEST

    @property
    def is_filtered(self) -> bool:
        """True when anything but the tab narrows the list."""
        return any((self.q, self.rep, self.terms, self.last, self.state))

    def as_list(self) -> ListCustomers:
        """The same for the reads that the JSON door uses too."""
        return ListCustomers(
            page=self.page,
            per_page=self.per_page,
            search=self.q,
            sort_by=_SORTS[self.sort.value.removeprefix("-")],
            sort_dir=SortDirection.DESC if self.sort.is_falling else SortDirection.ASC,
        )


def read_rep(choice: str) -> int | None:
    """The id that a choice names; None for nobody."""
    return None if choice == NOBODY else int(choice)


def filter_customers(query: BrowseCustomers, timezone: tzinfo) -> list[list[ColumnElement[bool]]]:
    """The conditions of the list, whatever its tab: for each of its parts, which have nobody in common, all of them."""
    found = compare_columns(query)
    return [[*found, *part] for part in (split_by_day(query.last, timezone) if query.last is not None else [[]])]


def compare_columns(query: BrowseCustomers) -> list[ColumnElement[bool]]:
    """The conditions that the customers' own columns answer."""
    found = conditions_of(query.q)
    if query.rep:
        found.append(CUSTOMERS.sales_rep_id == read_rep(query.rep))  # None becomes IS NULL
    if query.terms is not None:
        found.append(CUSTOMERS.payment_terms == query.terms)
    if query.state:
        found.append(CUSTOMERS.shipping_state == query.state)
    return found


def _find_marked() -> CTE:
    """Who must not be called by the own mark or by that of a number, each way by its index."""
    marked = select(OWNERS.id).where(OWNERS.do_not_call)
    numbers = [
        select(OWNERS.id).join(NUMBERS.phone.table, NUMBERS.phone == phone).where(NUMBERS.do_not_call)
        for phone in (OWNERS.phone, OWNERS.phone2)
    ]
    return marked.union(*numbers).cte("marked")


# One object, since one statement asks for it in several places.
_MARKED = _find_marked()


def has_own_mark(customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The mark of the customer alone, which nearly all have whose number is marked."""
    return customer_id.in_(select(OWNERS.id).where(OWNERS.do_not_call))


def must_not_be_called(customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The mark of the customer or of one of its numbers."""
    return customer_id.in_(select(_MARKED.c.id))


def is_marked(people: FromClause) -> ColumnElement[bool]:
    """The same of people whose own mark and numbers are at hand, without finding everybody who has a mark."""
    numbers = select(NUMBERS.phone).where(NUMBERS.do_not_call)
    return or_(people.c.do_not_call, people.c.phone.in_(numbers), people.c.phone2.in_(numbers))


def split_by_day(when: LastOrder, timezone: tzinfo) -> list[list[ColumnElement[bool]]]:
    """Those who ordered last then: by the kept day, and the few whose orders changed since."""
    if when is LastOrder.NEVER:
        return [[has_never_ordered(CUSTOMERS.id, timezone)]]
    fresh = find_fresh_days(timezone).c
    kept = select(KEPT.customer_id).where(is_unchanged(), is_day_within(KEPT.last_day, when, timezone))
    changed = select(fresh.customer_id).where(is_day_within(fresh.last_day, when, timezone))
    return [[CUSTOMERS.id.in_(kept)], [CUSTOMERS.id.in_(changed)]]


def is_day_within(day: ColumnElement[date], when: LastOrder, timezone: tzinfo) -> ColumnElement[bool]:
    """A last order of this day is one of then."""
    first = business_today(timezone) - timedelta(days=int(when.removeprefix("over")))
    return day < first if when.startswith("over") else day >= first


def is_late(customer_id: ColumnElement[int], timezone: tzinfo) -> ColumnElement[bool]:
    """Past the usual gap that the last run of the scores found, and not ordered since."""
    gap = cast(func.greatest(func.round(SCORES.median_gap), 1), Integer)
    is_past = SCORES.last_order_on + gap < business_today(timezone)
    midnight = func.timezone(str(timezone), cast(SCORES.last_order_on + 1, TIMESTAMP))
    has_come = exists().where(
        ORDERS.customer_id == SCORES.customer_id, ORDERS.status != OrderStatus.CANCELLED, ORDERS.created_at >= midnight
    )
    return customer_id.in_(
        select(SCORES.customer_id).where(SCORES.frequency > 1, is_past, ~has_come.correlate_except(ORDERS.id.table))
    )
