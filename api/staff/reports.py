"""Reports: monthly profit for managers, and order figures for all staff."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.reports import ProfitOut, StatsOut
from domain.access.rights import Right
from domain.reports.profit import ProfitQuery, get_profit
from domain.reports.stats import StatsQuery, get_stats
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, reads_query
from web.request import current_actor, settings

blueprint = Blueprint("staff_reports", __name__)
tag_blueprint(blueprint, ["reports"])


@blueprint.get("/api/staff/profit")
@staff_only(Right.SEE_PROFIT)
@reads_query(ProfitQuery)
@answers(ProfitOut)
async def profit(query: ProfitQuery) -> Any:
    """Profit of the last `period` business months, including the current one, with totals."""
    async with current_database().reporting() as connection:
        return await get_profit(connection, query, visible_to=current_actor(), timezone=settings().timezone)


@blueprint.get("/api/staff/stats")
@staff_only(Right.SEE_STATS)
@reads_query(StatsQuery)
@answers(StatsOut)
async def stats(query: StatsQuery) -> Any:
    """Order counts by status and revenue of a range; reps see their own orders, the warehouse sees no revenue."""
    async with current_database().reporting() as connection:
        return await get_stats(connection, query, visible_to=current_actor(), timezone=settings().timezone)
