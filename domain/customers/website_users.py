"""Accounts that customers opened in the shop themselves, with a verified email or phone, or through Google."""

from sqlalchemy import ColumnElement, func, select, text

from domain.customers.list_customers import match_text
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, Reader, read_rows
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from models.customer import REGISTERED


class ListWebsiteUsers(PageInput):
    """The filters of the list."""

    search: Text200 | None = None
    """Company, name, email, username or phone."""


# Exactly the condition of the partial index, so that it is used.
_QUALIFIED = text(REGISTERED)


async def list_website_users(db: Reader, query: ListWebsiteUsers) -> Page[CustomerRow]:
    """Return a page of accounts, newest first, with the exact total."""
    conditions: list[ColumnElement[bool]] = [CUSTOMERS.id.in_(select(CUSTOMERS.id).where(_QUALIFIED))]
    if query.search:
        conditions.append(match_text(query.search))
    newest = SELECT_ROWS.where(*conditions).order_by(CUSTOMERS.id.desc())
    rows = await read_rows(db, newest.limit(query.per_page).offset(query.offset))
    total = await db.scalar(select(func.count(CUSTOMERS.id)).where(*conditions))
    return make_page(rows, total or 0, query)
