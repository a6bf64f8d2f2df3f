"""The customers of a list who owe on terms: few of many, found once for all that a statement needs of them."""

from datetime import tzinfo

from sqlalchemy import CTE, ColumnElement, FromClause, and_, or_, select, union_all

from domain.customers.list_filters import (
    BrowseCustomers,
    CustomerTab,
    filter_customers,
    is_late,
    must_not_be_called,
)
from domain.customers.rows import CUSTOMERS
from domain.customers.standings import OWING
from models import PaymentTerms


def choose_people(query: BrowseCustomers, timezone: tzinfo) -> FromClause:
    """Return the customers that match the filters, with the columns of their index, so that counting reads no table
    rows.

    A text search is done once, however often the result is used; otherwise they are read only as far as a count goes.
    """
    held = select(CUSTOMERS.id, CUSTOMERS.created_at, CUSTOMERS.payment_terms, CUSTOMERS.credit_limit)
    if query.q:
        # With a text search, the rows are read completely.
        held = held.add_columns(CUSTOMERS.do_not_call, CUSTOMERS.phone, CUSTOMERS.phone2)
    people = union_all(*(held.where(*part) for part in filter_customers(query, timezone)))
    return people.cte("people") if query.q or query.last is not None else people.subquery("people")


def find_owing(query: BrowseCustomers, people: FromClause) -> CTE:
    """Return those of them who owe anything on terms; without filters, their standings are enough."""
    standing = select(
        OWING.c.customer_id.label("id"),
        OWING.c.owes,
        and_(OWING.c.on_terms, OWING.c.is_overdue).label("is_overdue"),
        and_(OWING.c.on_terms, OWING.c.is_over_limit).label("is_over_limit"),
        OWING.c.on_terms,
    )
    if not query.is_filtered and not query.sort.is_by_debt:
        return standing.where(OWING.c.is_listed).cte("owing")
    theirs = people.join(OWING, OWING.c.customer_id == people.c.id)
    return standing.add_columns(people.c.created_at).select_from(theirs).cte("owing")


def owing_under(tab: CustomerTab, owing: CTE, timezone: tzinfo) -> list[ColumnElement[bool]]:
    """Return which of those who owe are in a tab."""
    match tab:
        case CustomerTab.OVERDUE:
            return [owing.c.is_overdue]
        case CustomerTab.OVER_LIMIT:
            return [owing.c.is_over_limit]
        case CustomerTab.GOOD:
            return [owing.c.on_terms, ~is_bad(owing)]
        case CustomerTab.LATE_TO_ORDER:
            return [is_late(owing.c.id, timezone)]
        case CustomerTab.DO_NOT_CALL:
            return [must_not_be_called(owing.c.id)]
        case CustomerTab.ALL:
            return []


def is_bad(owing: CTE) -> ColumnElement[bool]:
    """The condition: on terms, and overdue or over the limit."""
    return or_(owing.c.is_overdue, owing.c.is_over_limit)


def conditions_of_tab(tab: CustomerTab, owing: CTE, timezone: tzinfo) -> list[ColumnElement[bool]]:
    """Return the conditions for all customers in a tab."""
    match tab:
        case CustomerTab.OVERDUE | CustomerTab.OVER_LIMIT:
            return [CUSTOMERS.id.in_(select(owing.c.id).where(*owing_under(tab, owing, timezone)))]
        case CustomerTab.GOOD:
            bad = select(owing.c.id).where(is_bad(owing))
            return [CUSTOMERS.payment_terms == PaymentTerms.NET30, CUSTOMERS.id.not_in(bad)]
        case CustomerTab.LATE_TO_ORDER:
            return [is_late(CUSTOMERS.id, timezone)]
        case CustomerTab.DO_NOT_CALL:
            return [must_not_be_called(CUSTOMERS.id)]
        case CustomerTab.ALL:
            return []
