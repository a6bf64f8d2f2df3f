"""The sales team's performance: figures compared with earlier days, reps' monthly targets, trends and calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from quart import Blueprint, Response

from documents.filters import format_day, format_number, format_percent, format_plural, format_points, with_query
from domain.access.rights import Right, may
from domain.kernel.clock import business_today, days_in_month, first_of_month
from domain.kernel.money import ZERO, format_money
from domain.order_desk.assign import list_sales_reps
from domain.sales.calls_made import ListCallsMade, list_calls_made
from domain.sales.performance import Performance, Period, ReadPerformance, RepFigures, TeamSums, get_performance
from domain.sales.targets import SetTarget, list_targets, set_target, sum_targets
from domain.sales.team import (
    HourOfCalls,
    Progress,
    add_up_before,
    count_working_days,
    export_performance,
    list_call_hours,
    list_progress,
)
from models import Role
from models.session import current_database
from portal.attempts import Attempt, Typed, attempt, refusal_of
from portal.calling.words import OUTCOMES
from portal.charts import Chart, Point, draw_chart
from portal.lists import list_rep_choices
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings
from web.streams import stream_file

blueprint = Blueprint("portal_performance", __name__)
PAGE = "/portal/performance"
BESIDE = (560, 208)
SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 88.0, 20.0, 3.0


class ShowPerformance(ReadPerformance):
    """The same as the API's, by week by default."""

    period: Period = Period.WEEK


@dataclass(frozen=True, slots=True)
class Spark:
    """A rep's trend as a line without axes, and its last point."""

    points: str
    x: float
    y: float
    label: str


@blueprint.get(PAGE)
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(ShowPerformance)
async def show_performance(query: ShowPerformance) -> Response:
    """The team's figures, each rep against the month's target, revenue over time and calls by hour."""
    me, today = current_actor(), business_today(settings().timezone)
    rep_id = me.id if me.has_role(Role.SALES_REP) else query.rep_id
    async with current_database().reporting() as connection:
        found = await get_performance(connection, query, visible_to=me)
        before = await add_up_before(connection, query.days, rep_id)
        hours = await list_call_hours(connection, query.days, rep_id)
        progress = await list_progress(connection)
        first_month = first_of_month(today - timedelta(days=query.days + 6))
        targets = await sum_targets(connection, first_month, rep_id)
    over, working = count_working_days(today)
    month_share = over / working if working else 1.0
    team = _add_up([progress[rep.id] for rep in found.reps if rep.id in progress])
    return await page_or_block(
        "calling/performance.html",
        block="performance",
        found=found,
        query=query,
        rep_id=rep_id,
        figures=_list_figures(found.sums, before, query.days, rep_id, _show_target(team, month_share, today)),
        progress=progress,
        team=team,
        team_sums=found.sums,
        month_share=month_share,
        working_days=f"{over} of {working} working days",
        sparks={rep.id: _draw_spark(rep) for rep in found.reps},
        chart=_draw_revenue(found, query, targets, "Team" if rep_id is None else "Revenue"),
        hours=_draw_hours(hours, found.period_label),
        periods=[
            {"word": word, "url": PAGE + with_query({}, days=days, period=query.period), "current": days == query.days}
            for days, word in _list_periods(today)
        ],
        steps=[
            {
                "word": word,
                "url": PAGE + with_query({}, days=query.days, period=step, rep_id=query.rep_id),
                "current": step is query.period,
            }
            for step, word in ((Period.WEEK, "Weeks"), (Period.MONTH, "Months"))
        ],
    )


@blueprint.get(f"{PAGE}.csv")
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(ShowPerformance)
async def download_performance(query: ShowPerformance) -> Response:
    """The table of reps as a file."""
    async with current_database().reporting() as connection:
        found = await get_performance(connection, query, visible_to=current_actor())
    return await stream_file(export_performance(found), "performance.csv")


@blueprint.get(f"{PAGE}/targets")
@staff_page(Right.PAY_COMMISSIONS)
async def show_targets() -> Response:
    """Ask for this month's targets."""
    return await _show_targets()


@blueprint.post(f"{PAGE}/targets")
@staff_page(Right.PAY_COMMISSIONS)
async def save_target() -> Response:
    """Save one rep's target for this month."""
    month = first_of_month(business_today(settings().timezone))

    async def save(data: SetTarget) -> bool:
        await set_target(db(), month, data, by=current_actor())
        return True

    tried = await attempt(SetTarget, save)
    if tried.result is None:
        return await _show_targets(tried)
    return await redirect_to(PAGE, toast="Target saved")


async def _show_targets(tried: Attempt[bool] | None = None) -> Response:
    month = first_of_month(business_today(settings().timezone))
    return await page_or_block(
        "calling/targets.html", block="dialog", reps=await list_sales_reps(db()), month=month,
        targets=await list_targets(db(), month), typed=tried.typed if tried else Typed(), **refusal_of(tried),
    )  # fmt: skip


@blueprint.get(f"{PAGE}/calls")
@staff_page(Right.SEE_PERFORMANCE)
@reads_query(ListCallsMade)
async def show_calls_made(query: ListCallsMade) -> Response:
    """The calls that the figures count, one by one."""
    me = current_actor()
    async with current_database().reporting() as connection:
        page, first, last = await list_calls_made(connection, query, visible_to=me)
    return await page_or_block(
        "calling/calls_made.html",
        block="calls_made",
        page=page,
        first=first,
        last=last,
        query=query,
        outcome_words=OUTCOMES,
        reps=[("", "Every rep"), *await list_rep_choices()] if may(me, Right.ASSIGN_CALLS) else [],
    )


def _list_periods(today: date) -> list[tuple[int, str]]:
    """The ranges to choose from, without duplicates: on the seventh, the month equals the last seven days."""
    wanted = {7: "7 days", 30: "30 days", 90: "90 days", 365: "Year"}
    wanted.setdefault(today.day, "Month")
    return sorted(wanted.items())


def _show_target(team: Progress | None, month_share: float, today: date) -> dict[str, str]:
    """The sold share of the month's targets, compared with today's goal."""
    blank = {"label": "Of the target", "url": "#reps", "arrow": "", "was": ""}
    if team is None:
        return blank | {"value": "–", "tone": "quiet", "change": "", "was": "none set", "meaning": "Sold ÷ the targets"}
    points = round(team.share * 100) - round(month_share * 100)
    way = f"{format_plural(abs(points), 'point')} {'behind' if points < 0 else 'ahead'}"
    return blank | {
        "value": format_percent(team.share * 100, 0),
        "tone": "warn" if points < 0 else "good",
        "change": way if points else "Target for today",
        "meaning": f"Sold in {today:%B} ÷ {format_money(team.target)}, the reps’ targets together",
    }


def _list_figures(
    now: TeamSums, before: TeamSums, days: int, rep_id: int | None, target: dict[str, str]
) -> list[dict[str, str]]:
    """The figures of the team or of one rep, compared with the same number of days before; each links to its rows."""
    today = business_today(settings().timezone)
    asked = with_query({}, rep_id=rep_id, from_date=today - timedelta(days=days - 1), to_date=today)
    rows, calls = f"/portal/history{asked}", f"{PAGE}/calls{asked}"
    whose = "the reps’" if rep_id is None else "the rep’s"
    figures: list[tuple[str, Any, Any, Callable[[Any], str], str, str]] = [
        ("Revenue", now.revenue, before.revenue, format_money, rows, f"Totals of {whose} orders, except cancelled"),
        ("Orders", now.orders, before.orders, format_number, rows, "Orders credited to a rep"),
        ("Calls", now.calls, before.calls, format_number, calls, "Logged outcomes and marked calls"),
        ("Conversion", now.conversion * 100, before.conversion * 100, format_percent, calls, "Orders per call"),
        (
            "New customers", now.new_customers, before.new_customers, format_number, f"{rows}&group_by=customer",
            "Customers with their first order in the period",
        ),
    ]  # fmt: skip
    found = []
    for label, value, was, write, url, meaning in figures:
        more, less = value > was, value < was
        found.append(
            {
                "label": label,
                "value": write(value),
                "url": url,
                "meaning": meaning,
                "tone": "good" if more else "bad" if less else "quiet",
                "arrow": "up" if more else "down" if less else "",
                "change": _say_change(value, was, write),
                "was": f"from {write(was)}",
            }
        )
    found.insert(1, target)
    return found


def _say_change(value: Any, was: Any, write: Callable[[Any], str]) -> str:
    """The change of a figure: money in percent, a percentage in points, counts by their difference."""
    if value == was:
        return "No change"
    if write is format_money:
        return format_percent(abs(value - was) / was * 100) if was else ""
    if write is format_percent:
        return format_points(abs(value - was))
    return write(abs(value - was))


def _add_up(progress: Sequence[Progress]) -> Progress | None:
    """The total target of the reps shown; None if no one has one."""
    if not progress:
        return None
    return Progress(sum((one.target for one in progress), ZERO), sum((one.sold for one in progress), ZERO))


def _draw_spark(rep: RepFigures) -> Spark | None:
    """The trend of one rep, scaled to its own maximum; none for a single step."""
    values = [float(point.revenue) for point in rep.trend]
    if len(values) < 2:
        return None
    most = max(values) or 1.0
    step = (SPARK_WIDTH - 2 * SPARK_MARGIN) / (len(values) - 1)
    room = SPARK_HEIGHT - 2 * SPARK_MARGIN
    places = [
        (round(SPARK_MARGIN + index * step, 1), round(SPARK_MARGIN + room * (1 - value / most), 1))
        for index, value in enumerate(values)
    ]
    label = f"Revenue from {format_money(rep.trend[0].revenue)} to {format_money(rep.trend[-1].revenue)}"
    return Spark(" ".join(f"{x},{y}" for x, y in places), *places[-1], label)


def _draw_revenue(
    found: Performance, query: ShowPerformance, targets: Mapping[date, Decimal], bars: str
) -> Chart | None:
    """The revenue of the reps shown by step, compared with their targets; the current step is unfinished.

    A week's target is its share of the month's, by days.
    """
    if not found.reps:
        return None
    is_week = query.period is Period.WEEK
    points = []
    for place, step in enumerate(found.reps[0].trend):
        revenue = sum((rep.trend[place].revenue for rep in found.reps), Decimal(0))
        orders = sum(rep.trend[place].orders for rep in found.reps)
        first = date.fromisoformat(step.period if is_week else f"{step.period}-01")
        label = f"{first:%b} {first.day}" if is_week else f"{first:%b %Y}"
        goal = targets.get(first_of_month(first))
        if goal is not None and is_week:
            goal = goal * 7 / days_in_month(first.year, first.month)
        points.append(
            Point(
                label=label,
                value=float(revenue),
                title=f"{label}: {format_money(revenue)}",
                cells=(
                    f"Week of {format_day(first, today=first)}" if is_week else f"{first:%B %Y}",
                    format_number(orders),
                    format_money(revenue),
                    *((format_money(goal) if goal is not None else "–",) if targets else ()),
                ),
                before=float(goal) if goal is not None else None,
                soft=place == len(found.reps[0].trend) - 1,
            )
        )
    noun = query.period.value
    return draw_chart(
        points,
        title=f"Revenue by {noun}",
        period=found.period_label,
        summary=f"Revenue by {noun}, {found.period_label.lower()}.",
        columns=("From", "Orders", "Revenue", *(("Target",) if targets else ())),
        legend=(
            ("bar", bars),
            ("bar-soft", f"This {noun} so far"),
            *((("before", "Target"),) if targets else ()),
        ),
        wide=BESIDE,
    )


def _draw_hours(hours: Sequence[HourOfCalls], period: str) -> Chart | None:
    if not hours:
        return None
    points = [
        Point(
            label=_name_hour(one.hour),
            value=one.calls,
            title=f"{_name_hour(one.hour)}: {one.calls} calls, {one.sales} sales",
            cells=(_name_hour(one.hour), format_number(one.calls), format_number(one.sales)),
            part=one.sales,
        )
        for one in hours
    ]
    return draw_chart(
        points,
        title="Calls by hour",
        period=f"{period}, their local time",
        summary="Number of calls in each hour of the customer’s day, and number of sales.",
        columns=("Hour", "Calls", "Sales"),
        unit="",
        legend=(("bar-out", "Calls"), ("bar-in", "Sales")),
        wide=(400, 208),
    )


def _name_hour(hour: int) -> str:
    return f"{hour % 12 or 12} {'am' if hour < 12 else 'pm'}"
