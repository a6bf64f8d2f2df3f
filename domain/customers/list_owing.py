"""Who of a list owes on terms and how they stand: few of many, found once for whatever a statement asks of them."""

from datetime import tzinfo

from sqlalchemy import CTE, ColumnElement, FromClause, and_, func, or_, select, union_all

from domain.credit.owed import OWED_BY_MANY
from domain.customers.list_filters import (
    BrowseCustomers,
    CustomerTab,
    filter_customers,
    is_late,
    must_not_be_called,
)
from domain.customers.rows import CUSTOMERS
from models import PaymentTerms

OWED = OWED_BY_MANY.c


def choose_people(query: BrowseCustomers, timezone: tzinfo) -> FromClause:
    """Those under the filters, with what their index holds, so that no row is read to count them.

    A text is looked for once, however often they are asked for; else they are read only as far as a count goes.
    """
    held = select(CUSTOMERS.id, CUSTOMERS.created_at, CUSTOMERS.payment_terms, CUSTOMERS.credit_limit)
    people = union_all(*(held.where(*part) for part in filter_customers(query, timezone)))
    return people.cte("people") if query.q or query.last is not None else people.subquery("people")


def find_owing(people: FromClause) -> CTE:
    """Those of them who owe anything on terms.

    What is owed meets its customers before it is added up: how many there are is known there, and not of groups.
    """
    on_terms = people.c.payment_terms == PaymentTerms.NET30
    owes = func.sum(OWED.balance)
    return (
        select(
            people.c.id,
            people.c.created_at,
            owes.label("owes"),
            and_(on_terms, func.bool_or(OWED.is_overdue)).label("is_overdue"),
            and_(on_terms, owes > people.c.credit_limit).label("is_over_limit"),
            on_terms.label("on_terms"),
        )
        .join(OWED_BY_MANY, OWED.customer_id == people.c.id)
        .group_by(people.c.id, people.c.created_at, people.c.payment_terms, people.c.credit_limit)
        .having(owes > 0)
        .cte("owing")
    )


def owing_under(tab: CustomerTab, owing: CTE, timezone: tzinfo) -> list[ColumnElement[bool]]:
    """Which of those who owe stand under a tab."""
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
    """On terms, and overdue or over the limit."""
    return or_(owing.c.is_overdue, owing.c.is_over_limit)


def conditions_of_tab(tab: CustomerTab, owing: CTE, timezone: tzinfo) -> list[ColumnElement[bool]]:
    """Which of all customers stand under a tab."""
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
