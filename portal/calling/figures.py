"""Catalogue, my sales, history and performance: what reps sell, and how they do."""

from datetime import timedelta
from typing import Any

from quart import Blueprint, Response

from documents.filters import with_query
from domain.access.rights import Right, may
from domain.calling.hours import read_state_hours
from domain.kernel.clock import business_today, first_of_month
from domain.kernel.inputs import Text200
from domain.kernel.paging import WidePageInput
from domain.order_desk.assign import list_sales_reps
from domain.sales.catalog import list_catalog
from domain.sales.history import (
    GroupBy,
    ListHistory,
    MyOrders,
    export_history,
    find_conditions,
    list_groups,
    list_history,
    list_my_orders,
    sum_sales,
)
from domain.sales.performance import ReadPerformance, get_performance
from domain.sales.targets import SetTarget, list_targets, set_target
from models.session import current_database
from portal.attempts import attempt
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_sales_figures", __name__)
PERIODS = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "Year"))
GROUPS = [("", "Order by order"), *((group.value, group.value.capitalize()) for group in GroupBy)]


class FindInCatalogue(WidePageInput):
    """What to look for."""

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
    """The orders that count for me."""
    async with current_database().reading() as connection:
        own = await list_my_orders(connection, query, by=current_actor())
    return await page_or_block(
        "calling/my_sales.html",
        block="my_sales",
        own=own,
        periods=[{"word": word, "url": f"?days={days}", "current": days == query.days} for days, word in PERIODS],
    )


@blueprint.get("/portal/history")
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(ListHistory)
async def show_history(query: ListHistory) -> Response:
    """Past sales, one by one or added up."""
    me = current_actor()
    async with current_database().reading() as connection:
        groups = await list_groups(connection, query, visible_to=me) if query.group_by else []
        page, summary = await list_history(connection, query, visible_to=me)
        if query.group_by:
            summary = await sum_sales(connection, find_conditions(query, visible_to=me))
    return await page_or_block(
        "calling/history.html",
        block="history_table",
        page=page,
        summary=summary,
        groups=groups,
        query=query,
        group_options=GROUPS,
        reps=await list_sales_reps(db()) if may(me, Right.ASSIGN_CALLS) else [],
        most=max((group.revenue for group in groups), default=0),
    )


@blueprint.get("/portal/history.csv")
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(ListHistory)
async def download_history(query: ListHistory) -> Response:
    """What the history shows, as a file."""
    body = export_history(current_database(), query, visible_to=current_actor())
    headers = {"Content-Disposition": 'attachment; filename="sales.csv"'}
    return Response(body, 200, headers, content_type="text/csv; charset=utf-8")


@blueprint.get("/portal/performance")
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(ReadPerformance)
async def show_performance(query: ReadPerformance) -> Response:
    """The team's figures, with a trend and against each rep's target of the month."""
    async with current_database().reporting() as connection:
        found = await get_performance(connection, query, visible_to=current_actor())
    today = business_today(settings().timezone)
    month = first_of_month(today)
    days = (first_of_month(month + timedelta(days=32)) - month).days
    steps = [point.period for point in found.reps[0].trend] if found.reps else []
    return await page_or_block(
        "calling/performance.html",
        block="performance",
        found=found,
        query=query,
        targets=await list_targets(db(), month),
        month_share=today.day / days,
        steps=steps,
        most=max((point.revenue for rep in found.reps for point in rep.trend), default=0),
        periods=[
            {"word": word, "url": with_query({}, days=days), "current": days == query.days} for days, word in PERIODS
        ],
    )


@blueprint.get("/portal/performance/targets")
@staff_page(Right.PAY_COMMISSIONS)
async def show_targets() -> Response:
    """Ask for this month's targets."""
    return await _show_targets({})


@blueprint.post("/portal/performance/targets")
@staff_page(Right.PAY_COMMISSIONS)
async def save_target() -> Response:
    """Keep one rep's target of this month."""
    month = first_of_month(business_today(settings().timezone))

    async def save(data: SetTarget) -> bool:
        await set_target(db(), month, data, by=current_actor())
        return True

    tried = await attempt(SetTarget, save)
    if tried.result is None:
        return await _show_targets(tried.errors, tried.problem, tried.status)
    return await redirect_to("/portal/performance", toast="Target saved")


async def _show_targets(errors: dict[str, str], problem: str = "", status: int = 200) -> Response:
    month = first_of_month(business_today(settings().timezone))
    return await page_or_block(
        "calling/targets.html", block="dialog", status=status, reps=await list_sales_reps(db()),
        targets=await list_targets(db(), month), month=month, errors=errors, problem=problem,
    )  # fmt: skip


@blueprint.get("/portal/calling/hours")
@staff_page(Right.CALL_CUSTOMERS)
async def show_hours() -> Response:
    """Calling hours by state, each with its statute and whether somebody read it."""
    rows: Any = sorted(read_state_hours().values(), key=lambda row: row.state)
    return await page_or_block("calling/hours.html", block="hours", rows=rows)
