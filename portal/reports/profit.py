"""Profit by month: the components of sales as a chart, and a table whose figures link to their orders."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from quart import Blueprint, Response

from documents.filters import format_percent, format_points
from domain.access.rights import Right
from domain.catalogue.product_table import count_products_without_cost
from domain.kernel.clock import add_months, business_today, first_of_month
from domain.kernel.inputs import DateIn, Input
from domain.kernel.money import format_money
from domain.kernel.spreadsheets import write_csv
from domain.reports.label_costs import export_label_costs
from domain.reports.profit import MonthProfit, Profit, ProfitQuery, get_profit
from models.session import current_database
from portal.charts import choose_axis, write_axis_label
from portal.figures import Figure
from portal.render import page_or_block
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, settings
from web.streams import answer_file, stream_file

blueprint = Blueprint("portal_profit", __name__)
PERIODS = (6, 12, 24)
COLUMNS = (
    "month", "orders", "total_sales", "delivery_fees", "cost_of_goods", "shipping_cost", "gross_profit",
    "avg_order_value", "lines_without_cost",
)  # fmt: skip
LEFT, BOTTOM, TOP = 48, 22, 18


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a month's bar."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One month's bar: profit at the bottom, then labels, then goods; a link to the month's orders."""

    x: float
    width: float
    top: float
    label: str
    margin: str
    title: str
    url: str
    is_running: bool
    segments: list[Segment]


class LabelsQuery(Input):
    """Any day of the month whose labels are listed; by default the current month."""

    of: DateIn | None = None


@blueprint.get("/portal/profit")
@staff_page(Right.SEE_PROFIT)
@reads_query(ProfitQuery)
async def show_profit(query: ProfitQuery) -> Response:
    """The months side by side, and the components of each figure."""
    found = await _read(query, compares=True)
    async with current_database().reading() as connection:
        costless = await count_products_without_cost(connection) if found.totals.lines_without_cost else 0
    rows = [(month, _orders_url(month)) for month in reversed(found.monthly)]
    return await page_or_block(
        "reports/profit.html",
        profit=found,
        totals=found.totals,
        figures=list(_list_figures(found)),
        rows=rows,
        costless=costless,
        running=first_of_month(business_today(settings().timezone)),
        wide=_draw(found.monthly, 992, 260),
        middle=_draw(found.monthly[-12:], 620, 230),
        narrow=_draw(found.monthly[-6:], 326, 190),
        periods=[
            {"word": f"{period} months", "url": f"/portal/profit?period={period}", "current": period == query.period}
            for period in PERIODS
        ],
    )


@blueprint.get("/portal/profit.csv")
@staff_page(Right.SEE_PROFIT)
@reads_query(ProfitQuery)
async def download_profit(query: ProfitQuery) -> Response:
    """The same months as CSV."""
    found = await _read(query)
    rows = [
        [
            f"{month.first:%Y-%m}",
            str(month.order_count),
            *(str(getattr(month, name)) for name in COLUMNS[2:-1]),
            str(month.lines_without_cost),
        ]
        for month in found.monthly
    ]
    return answer_file(b"".join(write_csv(COLUMNS, rows)), "profit.csv")


@blueprint.get("/portal/profit/labels.csv")
@staff_page(Right.SEE_PROFIT)
@reads_query(LabelsQuery)
async def download_labels(query: LabelsQuery) -> Response:
    """The labels of a month, which add up to its figure."""
    zone = settings().timezone
    day = query.of or business_today(zone)
    rows = export_label_costs(current_database(), day, visible_to=current_actor(), timezone=zone)
    return await stream_file(rows, f"labels-{day:%Y-%m}.csv")


async def _read(query: ProfitQuery, *, compares: bool = False) -> Profit:
    async with current_database().reporting() as connection:
        return await get_profit(
            connection, query, visible_to=current_actor(), timezone=settings().timezone, compares=compares
        )


def _orders_url(month: MonthProfit, last_month: MonthProfit | None = None) -> str:
    """The orders of a month, or of all months up to another one."""
    ends = add_months((last_month or month).first, 1) - timedelta(days=1)
    last = min(ends, business_today(settings().timezone))
    return f"/portal/orders?from_date={month.first}&to_date={last}&cancelled=false&when=between"


def _list_figures(found: Profit) -> Iterator[Figure]:
    """Four figures of the period compared with the previous one, each linked to its orders."""
    url = _orders_url(found.monthly[0], found.monthly[-1])
    now, before = found.totals, found.before or found.totals
    yield _compare("Sales and delivery", now.income, before.income, url, "After discounts and allowances, with fees")
    yield _compare("Gross profit", now.gross_profit, before.gross_profit, url, "What remains after goods and labels")
    yield _compare_margin(now.margin_percent, before.margin_percent, url)
    meaning = "Labels bought, with insurance, refunded ones left out"
    yield _compare("Labels", now.shipping_cost, before.shipping_cost, url, meaning, less_is_better=True)


def _compare(
    label: str, value: Decimal, before: Decimal, url: str, meaning: str, *, less_is_better: bool = False
) -> Figure:
    """An amount compared with the previous period."""
    was = f"from {format_money(before)}"
    if value == before or before <= 0:
        return Figure(label, format_money(value), url, meaning, change="No change" if value == before else "", was=was)
    share = (value - before) / before * 100
    is_good = (share > 0) is not less_is_better
    arrow = "up" if share > 0 else "down"
    change = format_percent(abs(share))
    tone = "good" if is_good else "bad"
    return Figure(label, format_money(value), url, meaning, was=was, tone=tone, arrow=arrow, change=change)


def _compare_margin(value: Decimal | None, before: Decimal | None, url: str) -> Figure:
    """The margin compared with the previous period, in points."""
    meaning = "Gross profit as a percentage of sales and delivery"
    if value is None or before is None or round(value, 1) == round(before, 1):
        was = f"from {format_percent(before)}" if before is not None else "nothing sold before"
        return Figure("Margin", format_percent(value) if value is not None else "–", url, meaning, was=was)
    points = round(value, 1) - round(before, 1)
    arrow, tone = ("up", "good") if points > 0 else ("down", "bad")
    change, was = format_points(abs(points)), f"from {format_percent(before)}"
    return Figure("Margin", format_percent(value), url, meaning, was=was, tone=tone, arrow=arrow, change=change)


def _draw(months: list[MonthProfit], width: int, height: int) -> dict[str, Any]:
    """Stacked bars from zero; a loss has no profit part, and profit without a known cost is hatched."""
    highest = max((float(month.total_sales + month.delivery_fees) for month in months), default=0.0)
    axis = choose_axis(highest)
    base = height - BOTTOM
    scale = (base - TOP) / axis[-1]
    slot = (width - LEFT - 4) / max(len(months), 1)
    running = first_of_month(business_today(settings().timezone))
    columns = []
    for place, month in enumerate(months):
        income = month.total_sales + month.delivery_fees
        profit = max(month.gross_profit, Decimal(0))
        unsure = min(month.sales_without_cost, profit)
        goods = min(month.cost_of_goods, income)
        parts = (
            ("seg-profit", profit - unsure),
            ("hatch", unsure),
            ("seg-ship", max(income - profit - goods, Decimal(0))),
            ("seg-goods", goods),
        )
        y, segments = float(base), []
        for kind, amount in parts:
            tall = round(max(float(amount), 0.0) * scale, 1)
            y -= tall
            segments.append(Segment(kind, round(y, 1), tall))
        margin = month.margin_percent
        is_running = month.first == running
        bar = round(min(slot * 0.62, 48.0), 1)
        columns.append(
            Column(
                round(LEFT + slot * (place + 0.5) - bar / 2, 1),
                bar,
                round(y - 5, 1),
                f"{month.first:%b} so far" if is_running else f"{month.first:%b}",
                f"{margin:.1f}%" if margin is not None and len(months) <= 12 else "",
                _describe(month),
                _orders_url(month),
                is_running,
                segments,
            )
        )
    grid = [(round(base - amount * scale, 1), write_axis_label(amount, "$")) for amount in axis]
    return {
        "width": width,
        "id": f"hatch{width}",
        "height": height,
        "left": LEFT,
        "base": base,
        "grid": grid,
        "columns": columns,
    }


def _describe(month: MonthProfit) -> str:
    """The text of a month's bar."""
    return (
        f"{month.month_label}: sales and delivery {format_money(month.income)}, "
        f"goods {format_money(month.cost_of_goods)}, labels {format_money(month.shipping_cost)}, "
        f"gross profit {format_money(month.gross_profit)}"
    )
