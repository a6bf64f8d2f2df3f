"""Accounts that customers opened in the shop themselves, with a verified email or phone, or through Google."""

from sqlalchemy import func, select, text

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
_QUALIFIED = text(f"({REGISTERED})")


async def list_website_users(db: Reader, query: ListWebsiteUsers) -> Page[CustomerRow]:
    """Return a page of accounts, newest first, with the exact total."""
    searched = [match_text(query.search)] if query.search else []
    found = select(CUSTOMERS.id).where(_QUALIFIED, *searched)
    newest = found.order_by(CUSTOMERS.id.desc()).limit(query.per_page).offset(query.offset)
    rows = await read_rows(db, SELECT_ROWS.where(CUSTOMERS.id.in_(newest)).order_by(CUSTOMERS.id.desc()))
    total = await db.scalar(select(func.count()).select_from(found.subquery()))
    return make_page(rows, total or 0, query)
