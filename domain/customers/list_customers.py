"""The list of customers: its filters and sort orders, using an index even with a hundred thousand customers."""

import re
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, Reader, is_emptied, read_rows
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.phone import digits_for_search
from domain.kernel.texts import as_search_pattern
from models.session import plan_for_values

_ZIP = re.compile(r"\d{5}(-\d{4})?")
_PHONE = re.compile(r"[\d\s().+-]{3,}")


class CustomerSort(StrEnum):
    """The columns by which the list can be sorted."""

    ID = "id"
    CREATED_AT = "created_at"
    COMPANY_NAME = "company_name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    EMAIL = "email"
    USERNAME = "username"
    PHONE = "phone"


class SortDirection(StrEnum):
    """The sort direction of a list."""

    ASC = "asc"
    DESC = "desc"


class ListCustomers(PageInput):
    """The filters of the list."""

    search: Text200 | None = None
    """Company, name, email, username, phone or ZIP; three or more letters match anywhere, fewer only beginnings."""
    sort_by: CustomerSort = CustomerSort.CREATED_AT
    """The column to sort by."""
    sort_dir: SortDirection = SortDirection.DESC
    """Ascending or descending."""


# Texts are sorted ignoring case, like their indexes.
_SORTED: dict[CustomerSort, ColumnElement[Any]] = {
    sort: func.lower(CUSTOMERS[sort.value])
    if sort.value in {"company_name", "first_name", "last_name", "email", "username"}
    else CUSTOMERS[sort.value]
    for sort in CustomerSort
}


async def list_customers(db: Reader, query: ListCustomers) -> Page[CustomerRow]:
    """Return a page of customers with the exact total."""
    await plan_for_values(db)
    conditions = conditions_of(query.search)
    rows = await read_rows(
        db, sort_rows(SELECT_ROWS.where(*conditions), query).limit(query.per_page).offset(query.offset)
    )
    total = await db.scalar(select(func.count(CUSTOMERS.id)).where(*conditions))
    return make_page(rows, total or 0, query)


def sort_rows(statement: Select[Any], query: ListCustomers) -> Select[Any]:
    """Return the statement with the requested sort order."""
    return statement.order_by(*order_of(query))


def order_of(query: ListCustomers) -> list[ColumnElement[Any]]:
    """Return the requested sort order; equal rows are sorted by id."""
    column = _SORTED[query.sort_by]
    falls = query.sort_dir is SortDirection.DESC
    order: list[ColumnElement[Any]] = [column.desc() if falls else column.asc()]
    if query.sort_by is not CustomerSort.ID:
        order.append(CUSTOMERS.id.desc() if falls else CUSTOMERS.id.asc())
    return order


def conditions_of(search: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions of a search; emptied rows are never listed."""
    return [~is_emptied(), match_text(search)] if search else [~is_emptied()]


def match_text(text: str) -> ColumnElement[bool]:
    """Return the condition that a customer matches a text, by trigram index; short texts match beginnings of words."""
    wanted = text.strip().lower()
    digits = digits_for_search(wanted)
    if _PHONE.fullmatch(wanted) and len(digits) >= 3:
        digits = digits.removeprefix("1") if len(digits) == 11 else digits
        by_phone = CUSTOMERS.search_text.like(f"%{digits}%")
        return or_(by_phone, CUSTOMERS.shipping_zip.like(f"{wanted}%")) if _ZIP.fullmatch(wanted) else by_phone
    if len(re.sub(r"\W", "", wanted)) < 3:
        prefix = as_search_pattern(wanted) + "%"
        return or_(CUSTOMERS.search_text.like(prefix), CUSTOMERS.search_text.like(f"% {prefix}"))
    words = as_search_pattern(wanted).split()
    return and_(*(CUSTOMERS.search_text.like(f"%{word}%") for word in words))
