"""The tabs and filters of the customers page, as conditions that can use an index."""

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

# A second reference to the customers, for finding them by their numbers.
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
    """The sort orders of the page; "-" descends."""

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
        """True for descending order."""
        return self.value.startswith("-")

    @property
    def is_by_debt(self) -> bool:
        """True when sorting by what each customer owes, which is not stored in a column of customers."""
        return self in {BrowseSort.OWES, BrowseSort.OWES_FALLING}

    @property
    def is_by_last_order(self) -> bool:
        """True when sorting by the day of the last order, which is stored in another table."""
        return self in {BrowseSort.LAST_ORDER, BrowseSort.LAST_ORDER_FALLING}


class LastOrder(StrEnum):
    """How long ago the last order was."""

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


# Customers who owe the same amount, as most do, are sorted by when they joined; those with the same last day, or
# without orders, by id.
_SORTS = {
    "joined": CustomerSort.CREATED_AT, "company": CustomerSort.COMPANY_NAME, "contact": CustomerSort.LAST_NAME,
    "owes": CustomerSort.CREATED_AT, "last": CustomerSort.ID,
}  # fmt: skip


class BrowseCustomers(PageInput):
    """The filters of the list, from its URL."""

    q: Text200 | None = None
    tab: CustomerTab = CustomerTab.ALL
    rep: RepChoice | None = None
    terms: PaymentTerms | None = None
    last: LastOrder | None = None
    state: Text60 | None = None
    sort: BrowseSort = BrowseSort.NEWEST

    @property
    def is_filtered(self) -> bool:
        """True if any filter except the tab is set."""
        return any((self.q, self.rep, self.terms, self.last, self.state))

    def as_list(self) -> ListCustomers:
        """Return the corresponding input for the reads that are shared with the JSON API."""
        return ListCustomers(
            page=self.page,
            per_page=self.per_page,
            search=self.q,
            sort_by=_SORTS[self.sort.value.removeprefix("-")],
            sort_dir=SortDirection.DESC if self.sort.is_falling else SortDirection.ASC,
        )


def read_rep(choice: str) -> int | None:
    """Return the id that a choice names; None for "none"."""
    return None if choice == NOBODY else int(choice)


def filter_customers(query: BrowseCustomers, timezone: tzinfo) -> list[list[ColumnElement[bool]]]:
    """Return the conditions of the list regardless of its tab: for each of its disjoint parts, all conditions."""
    found = compare_columns(query)
    return [[*found, *part] for part in (split_by_day(query.last, timezone) if query.last is not None else [[]])]


def compare_columns(query: BrowseCustomers) -> list[ColumnElement[bool]]:
    """Return the conditions on the customers' own columns."""
    found = conditions_of(query.q)
    if query.rep:
        found.append(CUSTOMERS.sales_rep_id == read_rep(query.rep))  # None becomes IS NULL
    if query.terms is not None:
        found.append(CUSTOMERS.payment_terms == query.terms)
    if query.state:
        found.append(CUSTOMERS.shipping_state == query.state)
    return found


def _find_marked() -> CTE:
    """Select customers who must not be called because of their own mark or that of a number, each through its index."""
    marked = select(OWNERS.id).where(OWNERS.do_not_call)
    numbers = [
        select(OWNERS.id).join(NUMBERS.phone.table, NUMBERS.phone == phone).where(NUMBERS.do_not_call)
        for phone in (OWNERS.phone, OWNERS.phone2)
    ]
    return marked.union(*numbers).cte("marked")


# A single object, because one statement uses it in several places.
_MARKED = _find_marked()


def has_own_mark(customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition of the customer's own mark, which nearly all have whose number is marked."""
    return customer_id.in_(select(OWNERS.id).where(OWNERS.do_not_call))


def must_not_be_called(customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition of the mark of the customer or of one of their numbers."""
    return customer_id.in_(select(_MARKED.c.id))


def is_marked(people: FromClause) -> ColumnElement[bool]:
    """Like `must_not_be_called`, if a person's own mark and numbers are known, without finding all marked customers."""
    numbers = select(NUMBERS.phone).where(NUMBERS.do_not_call)
    return or_(people.c.do_not_call, people.c.phone.in_(numbers), people.c.phone2.in_(numbers))


def split_by_day(when: LastOrder, timezone: tzinfo) -> list[list[ColumnElement[bool]]]:
    """Return the conditions for a last order at that time: by the stored day, or with orders that changed since."""
    if when is LastOrder.NEVER:
        return [[has_never_ordered(CUSTOMERS.id, timezone)]]
    fresh = find_fresh_days(timezone).c
    kept = select(KEPT.customer_id).where(is_unchanged(), is_day_within(KEPT.last_day, when, timezone))
    changed = select(fresh.customer_id).where(is_day_within(fresh.last_day, when, timezone))
    return [[CUSTOMERS.id.in_(kept)], [CUSTOMERS.id.in_(changed)]]


def is_day_within(day: ColumnElement[date], when: LastOrder, timezone: tzinfo) -> ColumnElement[bool]:
    """The condition that the day of a last order is in the range."""
    first = business_today(timezone) - timedelta(days=int(when.removeprefix("over")))
    return day < first if when.startswith("over") else day >= first


def is_late(customer_id: ColumnElement[int], timezone: tzinfo) -> ColumnElement[bool]:
    """The condition that the usual gap from the last score run has passed, and there was no order since."""
    gap = cast(func.greatest(func.round(SCORES.median_gap), 1), Integer)
    is_past = SCORES.last_order_on + gap < business_today(timezone)
    midnight = func.timezone(str(timezone), cast(SCORES.last_order_on + 1, TIMESTAMP))
    has_come = exists().where(
        ORDERS.customer_id == SCORES.customer_id, ORDERS.status != OrderStatus.CANCELLED, ORDERS.created_at >= midnight
    )
    return customer_id.in_(
        select(SCORES.customer_id).where(SCORES.frequency > 1, is_past, ~has_come.correlate_except(ORDERS.id.table))
    )
