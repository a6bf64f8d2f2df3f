"""The number of customers in each tab of the list, and what those in the current tab owe in total."""

from datetime import tzinfo
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, ScalarSelect, Select, case, func, select

from domain.customers.list_customers import conditions_of
from domain.customers.list_filters import (
    BrowseCustomers,
    CustomerTab,
    has_own_mark,
    is_late,
    is_marked,
    must_not_be_called,
)
from domain.customers.list_owing import is_bad, owing_under
from domain.customers.rows import CUSTOMERS
from domain.kernel.counting import MOST_COUNTED
from domain.kernel.money import ZERO
from models import PaymentTerms

# A larger number is not needed for the tabs that are not shown.
MOST_BESIDE = 1_000
# What is counted besides the tabs.
EVERYBODY, OWED_TOGETHER = "everybody", "owed_together"


def count_tabs(query: BrowseCustomers, people: FromClause, owing: CTE, timezone: tzinfo) -> list[ColumnElement[Any]]:
    """Return the counts of the tabs, of all customers, and the sum owed in the current tab, in one statement."""
    rows = {
        CustomerTab.ALL: select(people.c.id),
        CustomerTab.OVERDUE: select(owing.c.id).where(owing.c.is_overdue),
        CustomerTab.OVER_LIMIT: select(owing.c.id).where(owing.c.is_over_limit),
        CustomerTab.LATE_TO_ORDER: select(people.c.id).where(is_late(people.c.id, timezone)),
    }
    counts: dict[str, ColumnElement[Any]] = {
        tab.value: _count(found, most_counted(query, tab)) for tab, found in rows.items()
    }
    counts[CustomerTab.DO_NOT_CALL] = _count_marked(query, people)
    good = _count_good(people, owing, most_counted(query, CustomerTab.GOOD))
    everybody: ColumnElement[Any] = _count(select(CUSTOMERS.id).where(*conditions_of(None)), MOST_COUNTED)
    if not query.is_filtered and query.tab is CustomerTab.ALL:
        everybody = counts[CustomerTab.ALL]
    owed = select(func.coalesce(func.sum(owing.c.owes), ZERO)).where(*owing_under(query.tab, owing, timezone))
    columns: dict[str, ColumnElement[Any]] = counts | {
        CustomerTab.GOOD.value: good, EVERYBODY: everybody, OWED_TOGETHER: owed.scalar_subquery()
    }  # fmt: skip
    return [column.label(name) for name, column in columns.items()]


def most_counted(query: BrowseCustomers, tab: CustomerTab) -> int:
    """Return the counting limit of a tab: the current one is counted for pages, the others only for numbers."""
    return MOST_COUNTED if tab is query.tab else MOST_BESIDE


def _count(rows: Select[Any], most: int) -> ScalarSelect[int]:
    """Return the number of rows, counted up to one more than the limit."""
    return select(func.count()).select_from(rows.limit(most + 1).subquery()).scalar_subquery()


def _count_marked(query: BrowseCustomers, people: FromClause) -> ColumnElement[int]:
    """Count customers who must not be called; without filters, number marks are read only if own marks are too few."""
    most = most_counted(query, CustomerTab.DO_NOT_CALL)
    if query.q:
        return _count(select(people.c.id).where(is_marked(people)), most)
    marked = _count(select(people.c.id).where(must_not_be_called(people.c.id)), most)
    if query.is_filtered:
        return marked
    rows = select(people.c.id).where(has_own_mark(people.c.id)).limit(most + 1).subquery()
    # Counted once, although it is used twice.
    own_marks = select(func.count().label("count")).select_from(rows).cte("own_marks")
    own = select(own_marks.c["count"]).scalar_subquery()
    return case((own > most, own), else_=marked)


def _count_good(people: FromClause, owing: CTE, most: int) -> ColumnElement[int]:
    """Count customers with terms, without those who are overdue or over their limit."""
    bad = select(func.count()).where(is_bad(owing)).scalar_subquery()
    on_terms = select(people.c.id).where(people.c.payment_terms == PaymentTerms.NET30)
    reached = on_terms.limit(bad + (most + 1)).subquery()
    return select(func.count()).select_from(reached).scalar_subquery() - bad
