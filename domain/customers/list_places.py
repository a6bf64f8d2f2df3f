"""Which customers stand where in the list of the page: their ids in its order, before any row is read.

By a column, an index feeds the order. By what each owes, which no column holds, the few who owe come from the sums and
all others by the index of who joined when, so that a page costs no more among a hundred thousand.
"""

from datetime import tzinfo

from sqlalchemy import ColumnElement, Select, func, literal_column, select, union_all

from domain.credit.owed import OWED_SUMS
from domain.customers.list_customers import order_of
from domain.customers.list_filters import BrowseCustomers, BrowseSort, conditions_of_tab, filter_customers
from domain.customers.rows import CUSTOMERS

# A customer with what is owed, 0 for most.
WITH_DEBTS = CUSTOMERS.id.table.outerjoin(OWED_SUMS, OWED_SUMS.c.customer_id == CUSTOMERS.id)
_DEBT = func.coalesce(OWED_SUMS.c.owes, literal_column("0"))


def select_ids(query: BrowseCustomers, *, timezone: tzinfo, most: int | None = None, skip: int = 0) -> Select[int]:
    """The ids of the list under its filters and its tab, in its order."""
    conditions = [*filter_customers(query), *conditions_of_tab(query.tab, timezone)]
    if not query.sort.is_by_debt:
        return select(CUSTOMERS.id).where(*conditions).order_by(*places_of(query)).limit(most).offset(skip)
    columns = (CUSTOMERS.id, CUSTOMERS.created_at)
    reach = None if most is None else most + skip
    owing = select(*columns, OWED_SUMS.c.owes).join(OWED_SUMS, OWED_SUMS.c.customer_id == CUSTOMERS.id)
    others = select(*columns, literal_column("0").label("owes")).where(
        CUSTOMERS.id.not_in(select(OWED_SUMS.c.customer_id))
    )
    debt = _turn(query, OWED_SUMS.c.owes)
    both = union_all(
        owing.where(*conditions).order_by(debt, *order_of(query.as_list())).limit(reach).subquery().select(),
        others.where(*conditions).order_by(*order_of(query.as_list())).limit(reach).subquery().select(),
    ).subquery()
    order = [_turn(query, both.c[name]) for name in ("owes", "created_at", "id")]
    return select(both.c.id).order_by(*order).limit(most).offset(skip)


def places_of(query: BrowseCustomers) -> list[ColumnElement[object]]:
    """The list's order as columns of `WITH_DEBTS`."""
    order = order_of(query.as_list())
    return [_turn(query, _DEBT), *order] if query.sort.is_by_debt else order


def _turn(query: BrowseCustomers, column: ColumnElement[object]) -> ColumnElement[object]:
    return column.asc() if query.sort is BrowseSort.OWES else column.desc()
