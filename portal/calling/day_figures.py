"""The figures of a caller's day, compared with the same weekday's usual figures at this time."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from documents.filters import format_number, format_percent, format_plural, format_points, show_money
from domain.access.rights import Right, may
from domain.calling.segments import CallerDay, UsualDay
from domain.kernel.money import round_half_up
from portal.figures import Figure
from web.request import current_actor

OWN_ORDERS = "/portal/my-sales?days=1"
CALLED = "?segment=called"
# The note beside a figure without a usual day to compare.
TODAY = "today"


def make_figures(day: CallerDay, usual: UsualDay | None, commission: Decimal, *, day_word: str) -> list[Figure]:
    """Calls, orders, conversion, revenue and commission of today."""
    rate = f"{format_plural(day.orders_placed, 'order')} ÷ {format_plural(day.calls_today, 'call')}"
    paid_url = "/portal/commissions" if may(current_actor(), Right.SEE_COMMISSIONS) else OWN_ORDERS
    figures = [
        Figure("Calls", _count(day.calls_today), CALLED, "Today’s logged outcomes and marked calls", was=TODAY),
        Figure("Orders", _count(day.orders_placed), OWN_ORDERS, "Today’s orders credited to you", was=TODAY),
        Figure("Conversion", _share(day.conversion), CALLED, rate, was=TODAY),
        Figure("Revenue", show_money(day.revenue_today), OWN_ORDERS, "Totals of today’s orders", was=TODAY),
    ]
    if usual is not None:
        on = f"on a usual {day_word}"
        calls, orders, conversion, revenue = figures
        figures = [
            _compare(calls, day.calls_today, round(usual.calls), _count, on),
            _compare(orders, day.orders_placed, round(usual.orders), _count, on),
            _compare(conversion, day.conversion, usual.conversion, _points, f"from {_share(usual.conversion)}"),
            _compare(revenue, day.revenue_today, usual.revenue, _money, f"from {show_money(usual.revenue)}"),
        ]
        means = f"Compared with the average of the last four {day_word}s at this time"
        figures = [replace(figure, meaning=f"{figure.meaning}. {means}") for figure in figures]
    return [*figures, Figure("Commission", show_money(commission), paid_url, "Of today’s orders", was="due when paid")]


def _compare(
    figure: Figure, now: float | Decimal, was: float | Decimal, write: Callable[[float | Decimal], str], words: str
) -> Figure:
    """A figure with its change; more is good for all of them."""
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


def _points(value: float | Decimal) -> str:
    return format_points(float(value) * 100)


def _money(value: float | Decimal) -> str:
    return show_money(round_half_up(Decimal(value)))
