"""Accounts that customers opened in the shop themselves."""

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.customers.website_users import ListWebsiteUsers, list_website_users
from models.session import current_database
from portal.render import page_or_block
from web.guards import staff_page
from web.reading import reads_query

blueprint = Blueprint("portal_website_users", __name__)
LIST = "/portal/website-users"


@blueprint.get(LIST)
@staff_page(Right.SEE_WEBSITE_USERS)
@reads_query(ListWebsiteUsers)
async def show_website_users(query: ListWebsiteUsers) -> Response:
    """The list, the newest account first, or the block of it that changed."""
    async with current_database().listing() as connection:
        page = await list_website_users(connection, query)
    return await page_or_block("administration/website_users/list.html", block="user_table", page=page, filters=query)
