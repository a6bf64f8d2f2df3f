"""The tabs and filters of the page of customers, each a condition that an index feeds."""

from datetime import timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator
from sqlalchemy import TIMESTAMP, ColumnElement, Integer, ScalarSelect, cast, exists, func, select

from domain.credit.owed import OWED_BY_MANY
from domain.customers.list_customers import CustomerSort, ListCustomers, SortDirection, conditions_of
from domain.customers.rows import CUSTOMERS, is_suppressed
from domain.customers.totals import ORDERS
from domain.kernel.clock import business_today, now
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Text60, Text200
from domain.kernel.paging import PageInput
from domain.kernel.whole_numbers import read_id
from models import CustomerScore, OrderStatus, PaymentTerms, columns_of

# The customers once more, to compare what each owes with their limit.
LIMITS = CUSTOMERS.id.table.alias("limits").c
SCORES = columns_of(CustomerScore)
NOBODY = "none"


class CustomerTab(StrEnum):
    """The tabs of the page."""

    ALL = "all"
    OVERDUE = "overdue"
    OVER_LIMIT = "over_limit"
    LATE_TO_ORDER = "late_to_order"
    DO_NOT_CALL = "do_not_call"


class BrowseSort(StrEnum):
    """The orders of the page; "-" falls."""

    NEWEST = "-joined"
    OLDEST = "joined"
    COMPANY = "company"
    COMPANY_FALLING = "-company"
    CONTACT = "contact"
    CONTACT_FALLING = "-contact"


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


_SORTS = {"joined": CustomerSort.CREATED_AT, "company": CustomerSort.COMPANY_NAME, "contact": CustomerSort.LAST_NAME}


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


def filter_customers(query: BrowseCustomers, tab: CustomerTab, *, timezone: tzinfo) -> list[ColumnElement[bool]]:
    """The conditions of the list under a tab."""
    found = [*conditions_of(query.q), *_conditions_of_tab(tab, timezone)]
    if query.rep:
        found.append(CUSTOMERS.sales_rep_id == read_rep(query.rep))  # None becomes IS NULL
    if query.terms is not None:
        found.append(CUSTOMERS.payment_terms == query.terms)
    if query.state:
        found.append(CUSTOMERS.shipping_state == query.state)
    if query.last is not None:
        found.append(_ordered_last(query.last))
    return found


def _conditions_of_tab(tab: CustomerTab, timezone: tzinfo) -> list[ColumnElement[bool]]:
    on_terms = CUSTOMERS.payment_terms == PaymentTerms.NET30
    match tab:
        case CustomerTab.OVERDUE:
            late = select(OWED_BY_MANY.c.customer_id).where(OWED_BY_MANY.c.is_overdue)
            return [on_terms, CUSTOMERS.id.in_(late)]
        case CustomerTab.OVER_LIMIT:
            owed = select(OWED_BY_MANY.c.customer_id, func.sum(OWED_BY_MANY.c.balance).label("owes"))
            sums = owed.group_by(OWED_BY_MANY.c.customer_id).subquery()
            both = select(LIMITS.id).join(sums, sums.c.customer_id == LIMITS.id)
            return [on_terms, CUSTOMERS.id.in_(both.where(sums.c.owes > LIMITS.credit_limit))]
        case CustomerTab.LATE_TO_ORDER:
            return [_is_late(timezone)]
        case CustomerTab.DO_NOT_CALL:
            return [is_suppressed("do_not_call")]
        case CustomerTab.ALL:
            return []


def _find_last_order() -> ScalarSelect[Any]:
    """When a customer of the list ordered last, by the index of their orders."""
    newest = select(ORDERS.created_at).where(ORDERS.customer_id == CUSTOMERS.id, ORDERS.status != OrderStatus.CANCELLED)
    return (
        newest.order_by(ORDERS.created_at.desc(), ORDERS.id.desc())
        .limit(1)
        .correlate(CUSTOMERS.id.table)
        .scalar_subquery()
    )


def _ordered_last(when: LastOrder) -> ColumnElement[bool]:
    if when is LastOrder.NEVER:
        return _find_last_order().is_(None)
    since = now() - timedelta(days=int(when.removeprefix("over")))
    return _find_last_order() < since if when.startswith("over") else _find_last_order() >= since


def _is_late(timezone: tzinfo) -> ColumnElement[bool]:
    """Past the usual gap that the last run of the scores found, and not ordered since."""
    gap = cast(func.greatest(func.round(SCORES.median_gap), 1), Integer)
    midnight = func.timezone(str(timezone), cast(SCORES.last_order_on + 1, TIMESTAMP))
    is_known = [SCORES.customer_id == CUSTOMERS.id, SCORES.frequency > 1]
    is_past = SCORES.last_order_on + gap < business_today(timezone)
    return exists().where(*is_known, is_past, _find_last_order() < midnight).correlate(CUSTOMERS.id.table)
