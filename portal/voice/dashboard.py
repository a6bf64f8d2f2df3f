"""Results and costs of voice agents: six figures, calls by day, prompt versions, and agreement of reviewers."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from quart import Blueprint, Response

from documents.filters import format_number, format_percent, format_points, format_range, show_money, with_query
from domain.access.rights import Right
from domain.kernel.clock import business_today
from domain.kernel.spreadsheets import write_csv
from domain.reports.home import HomeQuery, HomeRange, choose_period
from domain.voice.agreement import measure_agreement
from domain.voice.causes import group_causes
from domain.voice.dashboard import (
    Dashboard,
    DashboardQuery,
    Figures,
    Granularity,
    Row,
    find_first_day,
    fold_weeks,
    read_dashboard,
)
from domain.voice.prompts import list_versions
from domain.voice.review import ReviewQuery, list_review_queue
from portal.charts import Chart, Point, draw_chart
from portal.figures import Figure
from portal.render import page_or_block
from portal.voice.sections import make_sections
from web.guards import staff_page
from web.reading import reads_query
from web.request import db, settings
from web.streams import answer_file

blueprint = Blueprint("portal_voice_dashboard", __name__)
PAGE = "/portal/voice"
STEPS = ((Granularity.DAILY, "Day"), (Granularity.WEEKLY, "Week"), (Granularity.MONTHLY, "Month"))
COLUMNS = (
    "period", "calls", "orders", "revenue", "cost", "avg_score", "resolution_rate", "hallucination_rate", "roi",
)  # fmt: skip
# Number of days drawn in the quality chart.
WEEKS_SHOWN = timedelta(days=55)
# Sizes of the two charts side by side, so that their text has the normal size.
WIDE_CARD, NARROW_CARD = (624, 250), (300, 250)
RANGES = (("7d", "7 days"), ("30d", "30 days"), ("month", "Month"), ("all", "All"))


class DashboardPage(HomeQuery):
    """The range and the period of a row; the whole time is shown by month."""

    by: Granularity = Granularity.DAILY

    @property
    def step(self) -> Granularity:
        """The period of a row."""
        return Granularity.MONTHLY if self.range is HomeRange.ALL else self.by


@blueprint.get(PAGE)
@staff_page(Right.REVIEW_CALLS)
@reads_query(DashboardPage)
async def show_dashboard(query: DashboardPage) -> Response:
    """The figures of a range compared with the previous one; the whole time has no previous range."""
    today = business_today(settings().timezone)
    period = choose_period(query.range, today)
    first = period.first or await find_first_day(db(), today, timezone=settings().timezone)
    rows = await _read(first, period.last, by=query.step)
    is_all = query.range is HomeRange.ALL
    shown = rows if is_all or query.by is Granularity.DAILY else await _read(first, period.last)
    weeks_ago = max(first, period.last - WEEKS_SHOWN)
    days = (await _read(weeks_ago, period.last) if is_all else shown).rows
    before = None
    if period.before_first and period.before_last:
        before = await _read(period.before_first, period.before_last)
    queue = await list_review_queue(db(), ReviewQuery())
    return await page_or_block(
        "voice/dashboard.html",
        block="voice_dashboard",
        sections=await make_sections("dashboard"),
        period=(first, period.last),
        is_live=not is_all,
        ranges=[
            {"word": word, "url": with_query({}, range=name, by=query.by), "current": query.range.value == name}
            for name, word in RANGES
        ],
        steps=[
            {"word": word, "url": with_query({}, range=query.range, by=by), "current": query.by is by}
            for by, word in STEPS
            if not is_all
        ],
        csv_url=f"{PAGE}.csv" + with_query({}, range=query.range, by=query.step),
        figures=_figures(shown, before.summary if before else None),
        chart=_draw(rows, today, query.step),
        quality=_draw_quality([row for row in days if row.period >= weeks_ago], today),
        causes=group_causes(queue),
        versions=await list_versions(db()),
        queue=queue,
        agreement=await measure_agreement(db()),
    )


@blueprint.get(f"{PAGE}.csv")
@staff_page(Right.REVIEW_CALLS)
@reads_query(DashboardPage)
async def download_dashboard(query: DashboardPage) -> Response:
    """The rows of a range as CSV."""
    today = business_today(settings().timezone)
    period = choose_period(query.range, today)
    first = period.first or await find_first_day(db(), today, timezone=settings().timezone)
    found = await _read(first, period.last, by=query.step)
    rows = [
        [f"{row.period:%Y-%m-%d}", *(_say(getattr(row.figures, name)) for name in COLUMNS[1:])] for row in found.rows
    ]
    return answer_file(b"".join(write_csv(COLUMNS, rows)), f"voice-{query.step}.csv")


def _say(value: object) -> str:
    return "" if value is None else str(value)


async def _read(first: date, last: date, *, by: Granularity = Granularity.DAILY) -> Dashboard:
    now = settings()
    asked = DashboardQuery(date_from=first, date_to=last, granularity=by)
    return await read_dashboard(db(), asked, timezone=now.timezone, cost_per_minute=now.voice_cost_per_minute)


def _figures(shown: Dashboard, before: Figures | None) -> list[Figure]:
    """Six figures, each linked to the calls that it counts."""
    now, was = shown.summary, before
    a_call = show_money(now.cost / now.calls) if now.calls else "–"
    resolved, hallucinated = _percent(now.resolution_rate), _percent(now.hallucination_rate)
    resolved_before = _percent(was.resolution_rate) if was else None
    hallucinated_before = _percent(was.hallucination_rate) if was else None

    def rows(show: str | None = None) -> str:
        return f"{PAGE}/calls" + with_query({}, show=show, from_date=shown.date_from, to_date=shown.date_to)

    return [
        Figure("Calls", format_number(now.calls), rows(), "Finished calls, in and out",
              **_compare(now.calls, was.calls if was else None, format_number)),
        Figure("Orders", format_number(now.orders), rows("with_order"), "Orders linked to a call, less cancelled",
              **_compare(now.orders, was.orders if was else None, format_number)),
        Figure("Revenue", show_money(now.revenue), rows("with_order"), "Totals of those orders",
              **_compare(now.revenue, was.revenue if was else None, show_money)),
        Figure("Return on cost", f"{now.roi:.0f}×" if now.roi is not None else "–", rows(),
              "(Revenue − cost) ÷ cost", was=f"{show_money(now.cost)}, {a_call} a call"),
        Figure("Resolved", format_percent(resolved), rows("resolved"),
              f"{now.resolved} of {now.evaluated} evaluated calls",
              **_compare(resolved, resolved_before, format_percent)),
        Figure("Hallucinations", format_percent(hallucinated), rows("hallucinated"),
              f"{now.hallucinated} of {now.evaluated} evaluated calls",
              **_compare(hallucinated, hallucinated_before, format_percent, more_is_good=False)),
    ]  # fmt: skip


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100


def _compare(
    now: float | Decimal | None,
    was: float | Decimal | None,
    write: Callable[[Any], str],
    *,
    more_is_good: bool = True,
) -> dict[str, str]:
    """A figure's previous value, its change in points or percent, and whether that is good."""
    if was is None:
        return {}
    compared = {"was": f"from {write(was)}"}
    if now is None or now == was or not (was or write is format_percent):
        return compared
    is_more = now > was
    moved = abs(float(now) - float(was))
    return compared | {
        "tone": "good" if is_more is more_is_good else "bad",
        "arrow": "up" if is_more else "down",
        "change": format_points(moved) if write is format_percent else format_percent(moved / float(was) * 100, 0),
    }


def _draw_quality(days: Sequence[Row], today: date) -> Chart:
    """The shares of resolved calls and of hallucinations, week by week; weeks without a verdict are left out."""
    judged = [row for row in fold_weeks(days) if row.figures.evaluated]
    points = [
        Point(
            label=f"{row.period:%b} {row.period.day}",
            value=(row.figures.resolution_rate or 0) * 100,
            before=(row.figures.hallucination_rate or 0) * 100,
            title="",
            cells=(
                f"{row.period:%b} {row.period.day}",
                format_percent((row.figures.resolution_rate or 0) * 100),
                format_percent((row.figures.hallucination_rate or 0) * 100),
                format_number(row.figures.evaluated),
            ),
        )
        for row in judged
    ]
    return draw_chart(
        points,
        title="Quality by week",
        period=format_range(days[0].period, days[-1].period, today=today),
        summary="Shares of evaluated calls that were resolved and that had a hallucination; the numbers are below.",
        columns=("Week from", "Resolved", "Hallucinations", "Evaluated"),
        unit="%",
        as_line=True,
        second="line-bad",
        legend=(("line", "Resolved"), ("line-bad", "Hallucinations")),
        wide=NARROW_CARD,
    )


def _draw(shown: Dashboard, today: date, by: Granularity) -> Chart:
    word = dict(STEPS)[by]
    points = [
        Point(
            label=f"{row.period:%b} {row.period.day}",
            value=float(row.figures.calls),
            part=float(min(row.figures.orders, row.figures.calls)),
            title=f"{row.figures.calls} calls, {row.figures.orders} with an order",
            cells=(
                f"{row.period:%b} {row.period.day}",
                format_number(row.figures.calls),
                format_number(row.figures.orders),
                show_money(row.figures.revenue),
                show_money(row.figures.cost),
                *_show_quality(row.figures),
            ),
            soft=row.period == today,
        )
        for row in shown.rows
    ]
    total = shown.summary
    return draw_chart(
        points,
        title=f"Calls and orders by {word.lower()}",
        period=format_range(shown.date_from, shown.date_to, today=today),
        summary=f"{total.calls} calls, {total.orders} with an order; the same numbers are in the table below.",
        columns=(word, "Calls", "Orders", "Revenue", "Cost", "Score", "Resolved", "Hallucinations"),
        unit="",
        legend=(("bar-out", "Calls"), ("bar-in", "With an order")),
        wide=WIDE_CARD,
    )


def _show_quality(figures: Figures) -> tuple[str, str, str]:
    """Score and shares for a table; a dash if nothing was evaluated."""
    if figures.avg_score is None:
        return ("–", "–", "–")
    shares = (figures.resolution_rate or 0, figures.hallucination_rate or 0)
    return (format_number(figures.avg_score, 1), *(format_percent(share * 100) for share in shares))  # type: ignore[return-value]
