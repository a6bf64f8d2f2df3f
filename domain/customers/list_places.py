"""The ids of the customers on a page of the list, in order, before any row is read.

Sorted by a column, an index gives the order. Sorted by what each owes, the few who owe come from the sums, and all
others from the index of when they joined. Sorted by the last order, those with a stored day come from its index, the
few whose orders changed since from the orders, and those without orders by id. A page therefore costs the same with a
hundred thousand customers.
"""

from datetime import tzinfo
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    FromClause,
    Select,
    UnaryExpression,
    func,
    literal_column,
    select,
    type_coerce,
    union_all,
)

from domain.customers.last_orders import KEPT, find_fresh_days, has_never_ordered, is_unchanged, select_last_days
from domain.customers.list_customers import order_of
from domain.customers.list_filters import BrowseCustomers, LastOrder, compare_columns, filter_customers, is_day_within
from domain.customers.list_owing import conditions_of_tab, owing_under
from domain.customers.rows import CUSTOMERS
from domain.customers.standings import OWING

_NOTHING: ColumnElement[Any] = literal_column("0")
# Before every other day: customers without orders are sorted as if their last order were the oldest.
_NEVER: ColumnElement[Any] = type_coerce(literal_column("'-infinity'::date"), Date)


def select_ids(
    query: BrowseCustomers, owing: CTE, *, timezone: tzinfo, most: int | None = None, skip: int = 0
) -> Select[int]:
    """Select the ids of the list with its filters and its tab, in order; `owing` are those of them who owe."""
    parts = (
        _split_by_debt(query, owing, timezone) if query.sort.is_by_debt else _split_by_filters(query, owing, timezone)
    )
    names = ["value", "created_at", "id"] if query.sort.is_by_debt else ["value", "id"]
    if len(parts) == 1:
        return parts[0].with_only_columns(CUSTOMERS.id).limit(most).offset(skip)
    reach = None if most is None else most + skip
    whole = union_all(*(part.limit(reach).subquery().select() for part in parts)).subquery()
    return select(whole.c.id).order_by(*(_turn(query, whole.c[name]) for name in names)).limit(most).offset(skip)


def place_customers(query: BrowseCustomers, timezone: tzinfo) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """Return all customers with the columns by which the list is sorted, and the sort order."""
    people = CUSTOMERS.id.table
    order = order_of(query.as_list())
    if query.sort.is_by_debt:
        source = people.outerjoin(OWING, OWING.c.customer_id == CUSTOMERS.id)
        return source, [_turn(query, func.coalesce(OWING.c.owes, _NOTHING)), *order]
    if query.sort.is_by_last_order:
        days = select_last_days(timezone).subquery("last_days")
        source = people.outerjoin(days, days.c.customer_id == CUSTOMERS.id)
        return source, [_turn(query, func.coalesce(days.c.last_day, _NEVER)), *order]
    return people, order


def _split_by_filters(query: BrowseCustomers, owing: CTE, timezone: tzinfo) -> list[Select[Any]]:
    """Return the parts of the list that an index can find, each in the order of the list."""
    if query.sort.is_by_last_order:
        parts = [part.where(*compare_columns(query)) for part in _split_by_last_order(query, timezone)]
    else:
        parts = [_select_by_column(query).where(*part) for part in filter_customers(query, timezone)]
    return [part.where(*conditions_of_tab(query.tab, owing, timezone)) for part in parts]


def _select_by_column(query: BrowseCustomers) -> Select[Any]:
    column, *_ = order_of(query.as_list())
    value = column.element if isinstance(column, UnaryExpression) else column
    return select(CUSTOMERS.id, value.label("value")).order_by(*order_of(query.as_list()))


def _split_by_debt(query: BrowseCustomers, owing: CTE, timezone: tzinfo) -> list[Select[Any]]:
    """Return those who owe, and the parts of all others, each in the order of the list."""
    columns = [_turn(query, owing.c[name]) for name in ("owes", "created_at", "id")]
    debts = select(owing.c.id, owing.c.created_at, owing.c.owes.label("value"))
    others = select(CUSTOMERS.id, CUSTOMERS.created_at, _NOTHING.label("value"))
    conditions = [*conditions_of_tab(query.tab, owing, timezone), CUSTOMERS.id.not_in(select(owing.c.id))]
    return [
        debts.where(*owing_under(query.tab, owing, timezone)).order_by(*columns),
        *(
            others.where(*part, *conditions).order_by(*order_of(query.as_list()))
            for part in filter_customers(query, timezone)
        ),
    ]


def _split_by_last_order(query: BrowseCustomers, timezone: tzinfo) -> list[Select[Any]]:
    """Return those with a stored day, those whose orders changed since, and those without orders."""
    fresh = find_fresh_days(timezone).c
    kept = select(CUSTOMERS.id, KEPT.last_day.label("value")).join(
        KEPT.last_day.table, KEPT.customer_id == CUSTOMERS.id
    )
    changed = select(CUSTOMERS.id, fresh.last_day.label("value")).where(fresh.customer_id == CUSTOMERS.id)
    if query.last not in {None, LastOrder.NEVER}:
        kept = kept.where(is_day_within(KEPT.last_day, query.last, timezone))
        changed = changed.where(is_day_within(fresh.last_day, query.last, timezone))
    never = select(CUSTOMERS.id, _NEVER.label("value")).where(has_never_ordered(CUSTOMERS.id, timezone))
    ordered = [
        kept.where(is_unchanged()).order_by(_turn(query, KEPT.last_day), _turn(query, KEPT.customer_id)),
        changed.order_by(_turn(query, fresh.last_day), _turn(query, CUSTOMERS.id)),
    ]
    return (ordered if query.last is not LastOrder.NEVER else []) + (
        [never.order_by(_turn(query, CUSTOMERS.id))] if query.last in {None, LastOrder.NEVER} else []
    )


def _turn(query: BrowseCustomers, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return column.desc() if query.sort.is_falling else column.asc()
