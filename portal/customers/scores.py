"""Scores: which customers still buy, what the tiers mean, and the accuracy of the last prediction."""

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncSession

from documents.filters import format_number
from domain.access.rights import Right
from domain.calling.call_customer import call_customer_today, list_next_calls
from domain.kernel.clock import business_today
from domain.kernel.errors import NotFound
from domain.scores.list_scores import (
    MOST_EXPORTED,
    ListScores,
    Score,
    ask_for_run,
    export_scores,
    get_score,
    list_scores,
)
from domain.scores.newest_run import LookBack, look_back, read_run, sum_tiers
from domain.scores.tiers import TIER_RULES
from models import Tier
from models.session import current_database
from portal.charts import Chart, Point, draw_chart
from portal.customers.tabs import Card, register_card
from portal.lists import back_to, make_tabs
from portal.render import page_or_block, redirect_to
from web.exports import audits_export
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings
from web.streams import stream_file

blueprint = Blueprint("portal_scores", __name__)
LIST = "/portal/scores"
# The chart takes five twelfths of the page width.
BESIDE_TIERS = (390, 194)
# Tone, icon and word of each tier.
TIERS = {
    Tier.NEW: ("info", "circle-plus", "New"),
    Tier.PROMISING: ("info", "trending-up", "Promising"),
    Tier.CHAMPION: ("good", "star", "Champion"),
    Tier.LOYAL: ("good", "circle-check", "Loyal"),
    Tier.AT_RISK: ("warn", "alert-triangle", "At risk"),
    Tier.DORMANT: ("quiet", "moon", "Dormant"),
    Tier.STEADY: ("quiet", "minus", "Steady"),
}


@blueprint.get(LIST)
@staff_page(Right.SEE_SCORES)
@reads_query(ListScores)
async def show_scores(query: ListScores) -> Response:
    """The tiers, the calibration of the last run, and the customers of a tier."""
    actor = current_actor()
    async with current_database().listing() as connection:
        scores = await list_scores(connection, query, timezone=settings().timezone, visible_to=actor)
        tiers = await sum_tiers(connection, visible_to=actor)
        past = await look_back(connection, visible_to=actor)
        run = await read_run(connection, visible_to=actor)
        shown = [score.customer_id for score in scores.page.rows]
        calls = await list_next_calls(connection, shown, visible_to=actor)
    counts: list[tuple[str | None, str, int]] = [(None, "All", sum(scores.tier_counts.values()))]
    counts += [(tier, words[2], scores.tier_counts[tier]) for tier, words in TIERS.items()]
    return await page_or_block(
        "scores/list.html",
        block="score_table",
        scores=scores,
        page=scores.page,
        filters=query,
        tabs=make_tabs(LIST, "tier", counts, query.tier),
        tiers=tiers,
        tier_words=TIERS,
        tier_rules=TIER_RULES,
        past=past,
        run=run,
        calls=calls,
        today=business_today(settings().timezone),
        chart=_draw(past) if past else None,
        why=explain,
        most_in_csv=MOST_EXPORTED,
    )


@blueprint.get(f"{LIST}.csv")
@staff_page(Right.SEE_SCORES)
@reads_query(ListScores)
@audits_export("score")
async def download_scores(query: ListScores) -> Response:
    """The list as CSV, at most 1,000 customers."""
    async with current_database().reading() as connection:
        rows = await export_scores(connection, query, timezone=settings().timezone, visible_to=current_actor())
    return await stream_file(rows, "scores.csv")


@blueprint.post(f"{LIST}/compute")
@staff_page(Right.ASSIGN_CALLS)
async def compute() -> Response:
    """Have the scores computed in the background."""
    await ask_for_run(db(), by=current_actor())
    return await redirect_to(LIST, toast="Scores are computed in the background; this takes a moment")


@blueprint.post(f"{LIST}/<id:customer_id>/call")
@staff_page(Right.CALL_CUSTOMERS)
async def have_called(customer_id: int) -> Response:
    """Add a customer to today's calls."""
    await call_customer_today(db(), customer_id, timezone=settings().timezone, by=current_actor())
    return await redirect_to(back_to(LIST), toast="On today’s calls")


def explain(score: Score) -> str:
    """The reason for a score: the customer's own gap, and the time since the last order."""
    silent = f"{score.days_since_last_order} days silent"
    if not score.frequency or score.median_gap is None:
        return f"One order day, {silent}"
    return f"Every {format_number(score.median_gap)} days, {silent}"


def _draw(past: LookBack) -> Chart:
    points = [
        Point(
            label=str(tenth.place),
            value=tenth.actual,
            title=f"Tenth {tenth.place}: {tenth.predicted:.0f} predicted, {tenth.actual:.0f} came",
            cells=(str(tenth.place), format_number(tenth.predicted, 1), format_number(tenth.actual)),
            before=tenth.predicted,
        )
        for tenth in past.tenths
    ]
    off = (past.predicted - past.actual) / max(past.actual, 1) * 100
    return draw_chart(
        points,
        title="Did the last run come true?",
        period="90 days, by tenth of customers, most active first",
        summary=(
            f"{past.predicted:.0f} orders predicted, {past.actual:.0f} came: {abs(off):.1f}% too "
            f"{'high' if off > 0 else 'low'}."
        ),
        columns=("Tenth", "Predicted", "Actual"),
        unit="",
        wide=BESIDE_TIERS,
        legend=(("before", "Predicted"), ("bar", "Actual")),
    )


async def _load_card(session: AsyncSession, customer_id: int) -> tuple[Score, tuple[str, str, str]] | None:
    try:
        score = await get_score(
            await session.connection(), customer_id, timezone=settings().timezone, visible_to=current_actor()
        )
    except NotFound:  # without an order there is nothing to compute
        return None
    return (score, TIERS[score.tier]) if score.tier else None


register_card(Card("score", Right.SEE_SCORES, "scores/customer_card.html", _load_card, 40))
