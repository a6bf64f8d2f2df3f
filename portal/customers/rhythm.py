"""A small chart of a customer's order rhythm: a bar per order day, today, and the expected next order."""

from dataclasses import dataclass
from datetime import date, timedelta

from documents.filters import format_date, format_plural, show_money
from domain.customers.hub import Hub

WIDE, TALL, BAR = 288.0, 40.0, 6.0
LEAST = 4.0


@dataclass(frozen=True, slots=True)
class DayBar:
    """An order day: the position and height of its bar, and the amount."""

    x: float
    y: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Beat:
    """The chart; `window` is where the next order is expected, `next_x` its middle."""

    bars: list[DayBar]
    window_x: float
    window_width: float
    next_x: float
    next_height: float
    today_x: float
    first: str
    label: str


def draw_rhythm(hub: Hub, today: date) -> Beat | None:
    """The chart of the last order days; None if there is no rhythm."""
    rhythm, days = hub.rhythm, hub.order_days
    if rhythm is None or not days:
        return None
    start = days[0][0] - timedelta(days=max(rhythm.gap_days // 4, 1))
    end = max(rhythm.expected_to, today) + timedelta(days=max(rhythm.gap_days // 4, 1))
    span, most = (end - start).days, max(amount for _, amount in days) or 1

    def place(day: date) -> float:
        return round((day - start).days / span * WIDE, 1)

    bars = []
    for day, amount in days:
        height = round(max(float(amount / most) * (TALL - LEAST), LEAST), 1)
        title = f"{format_date(day)}: {show_money(amount)}"
        bars.append(DayBar(round(place(day) - BAR / 2, 1), round(TALL - height, 1), height, title))
    window_x = place(rhythm.expected_from)
    last = days[-1][0]
    label = (
        f"{format_plural(len(days), 'order day')} since {format_date(days[0][0])}, usually"
        f" {format_plural(rhythm.gap_days, 'day')} apart. The last was {format_date(last)}, the next is expected"
        f" {format_date(rhythm.expected_from)} to {format_date(rhythm.expected_to)}."
    )
    return Beat(
        bars=bars,
        window_x=window_x,
        window_width=max(round(place(rhythm.expected_to) - window_x, 1), BAR),
        next_x=round(place(last + timedelta(days=rhythm.gap_days)) - BAR / 2, 1),
        next_height=TALL / 2,
        today_x=place(today),
        first=format_date(days[0][0]),
        label=label,
    )
