"""What voice agents bring and cost: six figures, calls by day, prompt versions, and how far people agree."""

from dataclasses import dataclass
from datetime import date

from quart import Blueprint, Response

from documents.filters import format_number, format_percent, format_range, show_money, with_query
from domain.access.rights import Right
from domain.kernel.clock import business_today
from domain.reports.home import HomeQuery, choose_period
from domain.voice.agreement import measure_agreement
from domain.voice.dashboard import Dashboard, DashboardQuery, Figures, read_dashboard
from domain.voice.prompts import list_versions
from domain.voice.review import ReviewQuery, list_review_queue
from portal.charts import Chart, Point, draw_chart
from portal.render import page_or_block
from portal.voice.sections import make_sections
from web.guards import staff_page
from web.reading import reads_query
from web.request import db, settings

blueprint = Blueprint("portal_voice_dashboard", __name__)
PAGE = "/portal/voice"
RANGES = (("7d", "7 days"), ("30d", "30 days"), ("month", "Month"))


@dataclass(frozen=True, slots=True)
class Shown:
    """One figure as the page draws it."""

    label: str
    value: str
    url: str
    meaning: str
    was: str = ""
    tone: str = "quiet"
    arrow: str = ""
    change: str = ""


@blueprint.get(PAGE)
@staff_page(Right.REVIEW_CALLS)
@reads_query(HomeQuery)
async def show_dashboard(query: HomeQuery) -> Response:
    """The figures of a range against those of the one before."""
    now = settings()
    today = business_today(now.timezone)
    chosen = query.range if query.range.value != "all" else type(query.range)("30d")
    period = choose_period(chosen, today)
    assert period.first is not None  # only all time has no first day
    shown = await _read(period.first, period.last)
    before = None
    if period.before_first and period.before_last:
        before = await _read(period.before_first, period.before_last)
    queue = await list_review_queue(db(), ReviewQuery())
    return await page_or_block(
        "voice/dashboard.html",
        block="voice_dashboard",
        sections=make_sections("dashboard", counts={"review": len(queue)}),
        period=(period.first, period.last),
        ranges=[
            {"word": word, "url": with_query({}, range=name), "current": chosen.value == name} for name, word in RANGES
        ],
        figures=_figures(shown, before.summary if before else None),
        chart=_draw(shown, today),
        versions=await list_versions(db()),
        queue=queue,
        agreement=await measure_agreement(db()),
    )


async def _read(first: date, last: date) -> Dashboard:
    now = settings()
    asked = DashboardQuery(date_from=first, date_to=last)
    return await read_dashboard(db(), asked, timezone=now.timezone, cost_per_minute=now.voice_cost_per_minute)


def _figures(shown: Dashboard, before: Figures | None) -> list[Shown]:
    """Six figures; each links to the calls of the range that it counts."""
    now, was = shown.summary, before or Figures()
    share = format_percent
    a_call = show_money(now.cost / now.calls) if now.calls else "–"

    def rows(show: str | None = None) -> str:
        return f"{PAGE}/calls" + with_query({}, show=show, from_date=shown.date_from, to_date=shown.date_to)

    return [
        Shown("Calls", format_number(now.calls), rows(), "Finished calls, in and out", f"from {was.calls}"),
        Shown("Orders", format_number(now.orders), rows("with_order"), "Orders linked to a call, less cancelled",
              f"from {was.orders}"),
        Shown("Revenue", show_money(now.revenue), rows("with_order"), "Totals of those orders",
              f"from {show_money(was.revenue)}"),
        Shown("Return on cost", f"{now.roi:.0f}×" if now.roi is not None else "–", rows(),
              "(Revenue − cost) ÷ cost", f"{show_money(now.cost)}, {a_call} a call"),
        Shown("Resolved", share((now.resolution_rate or 0) * 100) if now.evaluated else "–", rows("resolved"),
              f"{now.resolved} of {now.evaluated} evaluated calls"),
        Shown("Hallucinations", share((now.hallucination_rate or 0) * 100) if now.evaluated else "–",
              rows("hallucinated"), f"{now.hallucinated} of {now.evaluated} evaluated calls"),
    ]  # fmt: skip


def _draw(shown: Dashboard, today: date) -> Chart:
    points = [
        Point(
            label=f"{row.period:%b} {row.period.day}",
            value=float(row.figures.calls),
            before=float(row.figures.orders),
            title=f"{row.figures.calls} calls, {row.figures.orders} with an order",
            cells=(
                f"{row.period:%b} {row.period.day}",
                format_number(row.figures.calls),
                format_number(row.figures.orders),
                show_money(row.figures.revenue),
                show_money(row.figures.cost),
            ),
            soft=row.period == today,
        )
        for row in shown.rows
    ]
    total = shown.summary
    return draw_chart(
        points,
        title="Calls and orders by day",
        period=format_range(shown.date_from, shown.date_to, today=today),
        summary=f"{total.calls} calls, {total.orders} with an order; the same numbers are in the table below.",
        columns=("Day", "Calls", "Orders", "Revenue", "Cost"),
        unit="",
        legend=(("bar", "Calls"), ("before", "With an order")),
    )
