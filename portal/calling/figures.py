"""Catalogue, my sales, history and calling hours."""

from datetime import timedelta
from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right, may
from domain.calling.hours import read_state_hours
from domain.kernel.clock import business_today
from domain.kernel.inputs import Text200
from domain.kernel.paging import WidePageInput
from domain.order_desk.assign import list_sales_reps
from domain.sales.catalog import list_catalog
from domain.sales.history import (
    GroupBy,
    ListHistory,
    MyOrders,
    export_history,
    list_groups,
    list_history,
    list_my_orders,
)
from models import OrderStatus
from models.session import current_database
from portal.render import page_or_block
from web.exports import audits_export
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings
from web.streams import stream_file

blueprint = Blueprint("portal_sales_figures", __name__)
PERIODS = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "Year"))
GROUPS = [("", "Order by order"), *((group.value, group.value.capitalize()) for group in GroupBy)]


class FindInCatalogue(WidePageInput):
    """The search text."""

    q: Text200 = ""


@blueprint.get("/portal/catalogue")
@staff_page(Right.CALL_CUSTOMERS)
@reads_query(FindInCatalogue)
async def show_catalogue(query: FindInCatalogue) -> Response:
    """Active products by category, each one click from a new order."""
    async with current_database().reading() as connection:
        page = await list_catalog(connection, query)
    wanted = query.q.lower()
    shown = [
        (category, [each for each in category.products if wanted in f"{each.name} {each.sku} {each.brand}".lower()])
        for category in page.rows
    ]
    return await page_or_block(
        "calling/catalogue.html",
        block="catalogue",
        categories=[(category, products) for category, products in shown if products],
        query=query,
        page=page,
    )


@blueprint.get("/portal/my-sales")
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(MyOrders)
async def show_my_sales(query: MyOrders) -> Response:
    """The orders credited to the user."""
    me, today = current_actor(), business_today(settings().timezone)
    async with current_database().listing() as connection:
        own = await list_my_orders(connection, query, by=me)
    mine = f"/portal/history?rep_id={me.id}"
    return await page_or_block(
        "calling/my_sales.html",
        block="my_sales",
        own=own,
        mine=mine,
        rows=f"{mine}&from_date={today - timedelta(days=query.days - 1)}&to_date={today}",
        periods=[{"word": word, "url": f"?days={days}", "current": days == query.days} for days, word in PERIODS],
    )


@blueprint.get("/portal/history")
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(ListHistory)
async def show_history(query: ListHistory) -> Response:
    """Past sales, as single orders or grouped."""
    me = current_actor()
    async with current_database().listing() as connection:
        groups = await list_groups(connection, query, visible_to=me) if query.group_by else []
        page, summary = await list_history(connection, query, visible_to=me)
    return await page_or_block(
        "calling/history.html",
        block="history_table",
        page=page,
        summary=summary,
        groups=groups,
        query=query,
        group_options=GROUPS,
        statuses=[("", "All but cancelled"), *((status.value, status.capitalize()) for status in OrderStatus)],
        reps=await list_sales_reps(db()) if may(me, Right.ASSIGN_CALLS) else [],
        most=max((group.revenue for group in groups), default=0),
    )


@blueprint.get("/portal/history.csv")
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(ListHistory)
@audits_export("sale")
async def download_history(query: ListHistory) -> Response:
    """The history's rows as a file."""
    body = export_history(current_database(), query, visible_to=current_actor())
    return await stream_file(body, "sales.csv")


@blueprint.get("/portal/calling/hours")
@staff_page(Right.CALL_CUSTOMERS)
async def show_hours() -> Response:
    """Calling hours by state, each with its statute and whether it was verified."""
    rows: Any = sorted(read_state_hours().values(), key=lambda row: row.state)
    return await page_or_block("calling/hours.html", block="hours", rows=rows)
