"""The tabs and filters of the page of customers, each a condition that an index feeds."""

from datetime import timedelta, tzinfo
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator
from sqlalchemy import TIMESTAMP, ColumnElement, Integer, and_, cast, exists, func, or_, select

from domain.credit.owed import OWED_SUMS
from domain.customers.list_customers import CustomerSort, ListCustomers, SortDirection, conditions_of
from domain.customers.rows import CUSTOMERS
from domain.customers.totals import ORDERS
from domain.kernel.clock import business_today, now
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Text60, Text200
from domain.kernel.paging import PageInput
from domain.kernel.whole_numbers import read_id
from domain.messages.suppression import NUMBERS
from models import CustomerScore, OrderStatus, PaymentTerms, columns_of

# The customers once more, to find them by their numbers.
OWNERS = CUSTOMERS.id.table.alias("owners").c
OWED = OWED_SUMS.c
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
    OWES = "owes"
    OWES_FALLING = "-owes"

    @property
    def is_by_debt(self) -> bool:
        """True for the order by what each owes, which no column holds."""
        return self in {BrowseSort.OWES, BrowseSort.OWES_FALLING}


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


# Those who owe the same, as most do, stand in the order in which they joined.
_SORTS = {
    "joined": CustomerSort.CREATED_AT, "company": CustomerSort.COMPANY_NAME, "contact": CustomerSort.LAST_NAME,
    "owes": CustomerSort.CREATED_AT,
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
        falls = self.sort.value.startswith("-")
        return ListCustomers(
            page=self.page,
            per_page=self.per_page,
            search=self.q,
            sort_by=_SORTS[self.sort.value.removeprefix("-")],
            sort_dir=SortDirection.DESC if falls else SortDirection.ASC,
        )


def read_rep(choice: str) -> int | None:
    """The id that a choice names; None for nobody."""
    return None if choice == NOBODY else int(choice)


def filter_customers(query: BrowseCustomers) -> list[ColumnElement[bool]]:
    """The conditions of the list, whatever its tab."""
    found = conditions_of(query.q)
    if query.rep:
        found.append(CUSTOMERS.sales_rep_id == read_rep(query.rep))  # None becomes IS NULL
    if query.terms is not None:
        found.append(CUSTOMERS.payment_terms == query.terms)
    if query.state:
        found.append(CUSTOMERS.shipping_state == query.state)
    if query.last is not None:
        found.append(_ordered_last(query.last))
    return found


def conditions_of_tab(tab: CustomerTab, timezone: tzinfo) -> list[ColumnElement[bool]]:
    """What stands under a tab."""
    on_terms = CUSTOMERS.payment_terms == PaymentTerms.NET30
    match tab:
        case CustomerTab.OVERDUE:
            return [on_terms, CUSTOMERS.id.in_(select(OWED.customer_id).where(OWED.is_overdue))]
        case CustomerTab.OVER_LIMIT:
            return [on_terms, _owes(OWED.owes > CUSTOMERS.credit_limit)]
        case CustomerTab.GOOD:
            return [on_terms, ~_owes(or_(OWED.is_overdue, OWED.owes > CUSTOMERS.credit_limit))]
        case CustomerTab.LATE_TO_ORDER:
            return [_is_late(timezone)]
        case CustomerTab.DO_NOT_CALL:
            return [_must_not_be_called()]
        case CustomerTab.ALL:
            return []


def _owes(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Owes something on terms of which this is true."""
    return exists().where(OWED.customer_id == CUSTOMERS.id, condition).correlate(CUSTOMERS.id.table)


def _must_not_be_called() -> ColumnElement[bool]:
    """The mark of the customer or of one of its numbers, each way by its index."""
    marked = select(OWNERS.id).where(OWNERS.do_not_call)
    numbers = [
        select(OWNERS.id).join(NUMBERS.phone.table, NUMBERS.phone == phone).where(NUMBERS.do_not_call)
        for phone in (OWNERS.phone, OWNERS.phone2)
    ]
    return CUSTOMERS.id.in_(marked.union(*numbers))


def _has_order(*conditions: ColumnElement[bool], of: ColumnElement[int] = CUSTOMERS.id) -> ColumnElement[bool]:
    """Placed an order of which these are true, by the index of their orders."""
    placed = exists().where(ORDERS.customer_id == of, ORDERS.status != OrderStatus.CANCELLED, *conditions)
    return placed.correlate_except(ORDERS.id.table)


def _ordered_last(when: LastOrder) -> ColumnElement[bool]:
    if when is LastOrder.NEVER:
        return ~_has_order()
    since = _has_order(ORDERS.created_at >= now() - timedelta(days=int(when.removeprefix("over"))))
    return and_(_has_order(), ~since) if when.startswith("over") else since


def _is_late(timezone: tzinfo) -> ColumnElement[bool]:
    """Past the usual gap that the last run of the scores found, and not ordered since."""
    gap = cast(func.greatest(func.round(SCORES.median_gap), 1), Integer)
    is_past = SCORES.last_order_on + gap < business_today(timezone)
    midnight = func.timezone(str(timezone), cast(SCORES.last_order_on + 1, TIMESTAMP))
    has_come = _has_order(ORDERS.created_at >= midnight, of=SCORES.customer_id)
    return CUSTOMERS.id.in_(select(SCORES.customer_id).where(SCORES.frequency > 1, is_past, ~has_come))
