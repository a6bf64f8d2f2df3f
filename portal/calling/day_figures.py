"""The figures of a caller's day, against what the same day of the week has usually brought by this time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from documents.filters import format_number, format_percent, format_plural, show_money
from domain.access.rights import Right, may
from domain.calling.segments import CallerDay, UsualDay
from domain.kernel.money import round_half_up
from web.request import current_actor

OWN_ORDERS = "/portal/my-sales?days=1"
CALLED = "?segment=called"


@dataclass(frozen=True, slots=True)
class DayFigure:
    """One figure as the page draws it."""

    label: str
    value: str
    url: str
    meaning: str
    was: str = "today"
    tone: str = "quiet"
    arrow: str = ""
    change: str = ""


def make_figures(day: CallerDay, usual: UsualDay | None, commission: Decimal, *, day_word: str) -> list[DayFigure]:
    """Calls, orders, conversion, revenue and commission of today."""
    rate = f"{format_plural(day.orders_placed, 'order')} ÷ {format_plural(day.calls_today, 'call')}"
    paid_url = "/portal/commissions" if may(current_actor(), Right.SEE_COMMISSIONS) else OWN_ORDERS
    figures = [
        DayFigure("Calls", _count(day.calls_today), CALLED, "Logged outcomes and stamped calls of today"),
        DayFigure("Orders", _count(day.orders_placed), OWN_ORDERS, "Today’s orders that count for you"),
        DayFigure("Conversion", _share(day.conversion), CALLED, rate),
        DayFigure("Revenue", show_money(day.revenue_today), OWN_ORDERS, "Totals of today’s orders"),
    ]
    if usual is not None:
        on = f"on a usual {day_word}"
        calls, orders, conversion, revenue = figures
        figures = [
            _compare(calls, day.calls_today, round(usual.calls), _count, on),
            _compare(orders, day.orders_placed, round(usual.orders), _count, on),
            _compare(conversion, day.conversion, usual.conversion, _share, f"from {_share(usual.conversion)}"),
            _compare(revenue, day.revenue_today, usual.revenue, _money, f"from {show_money(usual.revenue)}"),
        ]
        means = f"Against the mean of the last four {day_word}s by this time"
        figures = [replace(figure, meaning=f"{figure.meaning}. {means}") for figure in figures]
    return [*figures, DayFigure("Commission", show_money(commission), paid_url, "Of today’s orders", "due when paid")]


def _compare(
    figure: DayFigure, now: float | Decimal, was: float | Decimal, write: Callable[[float | Decimal], str], words: str
) -> DayFigure:
    """The figure with by how much it moved; more is good in all of them."""
    change = abs(float(now) - float(was))
    if write(change) == write(0):
        return replace(figure, was="as usual")
    is_more = now > was
    tone, arrow = ("good", "up") if is_more else ("bad", "down")
    return replace(figure, was=words, tone=tone, arrow=arrow, change=write(change))


def _count(value: float | Decimal) -> str:
    return format_number(value)


def _share(value: float | Decimal) -> str:
    return format_percent(float(value) * 100)


def _money(value: float | Decimal) -> str:
    return show_money(round_half_up(Decimal(value)))
