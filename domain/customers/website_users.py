"""Accounts that their owners opened in the shop themselves, by a proven email or phone, or by Google."""

from sqlalchemy import ColumnElement, func, select, text

from domain.customers.list_customers import match_text
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, Reader, read_rows
from domain.kernel.inputs import Text200
from domain.kernel.paging import Page, PageInput, make_page
from models.customer import REGISTERED


class ListWebsiteUsers(PageInput):
    """What the list may be asked for."""

    search: Text200 | None = None
    """Company, name, email, username or phone."""


# The very words of the index, so that it is taken.
_QUALIFIED = text(REGISTERED)


async def list_website_users(db: Reader, query: ListWebsiteUsers) -> Page[CustomerRow]:
    """A page of accounts, the newest first, with the exact total."""
    conditions: list[ColumnElement[bool]] = [CUSTOMERS.id.in_(select(CUSTOMERS.id).where(_QUALIFIED))]
    if query.search:
        conditions.append(match_text(query.search))
    newest = SELECT_ROWS.where(*conditions).order_by(CUSTOMERS.id.desc())
    rows = await read_rows(db, newest.limit(query.per_page).offset(query.offset))
    total = await db.scalar(select(func.count(CUSTOMERS.id)).where(*conditions))
    return make_page(rows, total or 0, query)
