"""The geometry of charts drawn on the server: bars and lines over time, for three widths.

Text keeps its size because each drawing is as wide as it is shown; the axis begins at zero, so bars do not exaggerate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from documents.filters import format_number

LEFT_LEAST, RIGHT_MARGIN, TOP = 38, 4, 14
BOTTOM = 22
LETTER_WIDTH, LABEL_GAP = 6.0, 8
# Amounts are wider than words: digits, a dollar sign, sometimes an M. The gap separates them from the lines.
AMOUNT_LETTER_WIDTH, AMOUNT_GAP = 7, 8
SMALLEST = 1e-6
WIDE, MIDDLE, NARROW = (992, 208), (620, 190), (326, 170)


@dataclass(frozen=True, slots=True)
class Point:
    """One point on the axis: `title` shows on hover, `cells` is its table row, `soft` means unfinished.

    `part` is the share of the value drawn inside its bar; `before` is compared with it as a line.
    """

    label: str
    value: float
    title: str
    cells: tuple[str, ...]
    before: float | None = None
    part: float | None = None
    url: str = ""
    soft: bool = False


@dataclass(frozen=True, slots=True)
class GridLine:
    """A horizontal line with its amount."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in the drawing's units; `url` links to the rows that it counts, `part` is the height of its inner bar."""

    x: float
    y: float
    width: float
    height: float
    title: str
    soft: bool
    url: str
    part: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline; `kind` is its class in the stylesheet: `before` is dashed, `line` and `line-bad` are not."""

    kind: str
    points: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label under the axis."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The template values of one SVG."""

    width: int
    height: int
    left: int
    right: int
    grid: tuple[GridLine, ...]
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]

    @property
    def leads_on(self) -> bool:
        """True if clicking a bar opens the rows that it counts."""
        return any(bar.url for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Row:
    """One table row below a chart; the first cell links to the rows that it counts."""

    cells: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure: its period, a sentence that says what it shows, its legend, its drawings and its numbers.

    The stylesheet shows the drawing that is nearest to the width at hand (`.plots`).
    """

    title: str
    period: str
    summary: str
    columns: tuple[str, ...]
    wide: Drawing
    middle: Drawing
    narrow: Drawing
    rows: tuple[Row, ...]
    legend: tuple[tuple[str, str], ...] = field(default=())
    is_empty: bool = False

    @property
    def stands_beside(self) -> bool:
        """True if the chart shares the page's width with other cards on a wide screen."""
        return self.wide.width != WIDE[0]


def draw_chart(
    points: Sequence[Point],
    *,
    title: str,
    period: str,
    summary: str,
    columns: tuple[str, ...],
    unit: str = "$",
    as_line: bool = False,
    second: str = "before",
    legend: tuple[tuple[str, str], ...] = (),
    wide: tuple[int, int] = WIDE,
) -> Chart:
    """A chart of the points, oldest first; the table below is newest first.

    `unit` is "$", "%" or "" and only affects the axis labels. Negative amounts are drawn as zero. `second` is the class
    of the comparison line. `wide` is the drawing's size on wide screens if it does not span the page.

    A chart of zeros is empty, and a sentence stands in its place; percentages are empty only without points, because
    zero percent says something.
    """
    return Chart(
        title=title,
        period=period,
        summary=summary,
        columns=columns,
        wide=_draw(points, size=wide, unit=unit, as_line=as_line, second=second, most_ticks=9),
        middle=_draw(points, size=MIDDLE, unit=unit, as_line=as_line, second=second, most_ticks=6),
        narrow=_draw(points, size=NARROW, unit=unit, as_line=as_line, second=second, most_ticks=4),
        rows=tuple(Row(point.cells, point.url) for point in reversed(points)),
        legend=legend,
        is_empty=not any(unit == "%" or point.value or point.before for point in points),
    )


def choose_axis(highest: float) -> tuple[float, ...]:
    """Three to five round amounts from zero up to at least the highest value."""
    if highest < SMALLEST or not math.isfinite(highest):
        return (0.0, 1.0)
    power = 10.0 ** math.floor(math.log10(highest / 3))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * 4 >= highest)
    count = math.ceil(highest / step - 1e-9)
    return tuple(step * number for number in range(count + 1))


def write_axis_label(amount: float, unit: str) -> str:
    """A short amount for the axis: `$2k`, `1.5M`, `80%`."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if amount >= size:
            text = f"{amount / size:.2f}".rstrip("0").rstrip(".") + letter
            break
    else:
        text = format_number(amount) if amount == int(amount) else f"{amount:g}"
    return f"{text}%" if unit == "%" else f"{unit}{text}"


def _draw(
    points: Sequence[Point], *, size: tuple[int, int], unit: str, as_line: bool, second: str, most_ticks: int
) -> Drawing:
    width, height = size
    right, base = width - RIGHT_MARGIN, height - BOTTOM
    highest = max((max(point.value, point.before or 0.0) for point in points), default=0.0)
    axis = choose_axis(highest)
    labels = [write_axis_label(amount, unit) for amount in axis]
    left = max(LEFT_LEAST, AMOUNT_GAP + AMOUNT_LETTER_WIDTH * max(map(len, labels)))
    scale = (base - TOP) / axis[-1]
    slot = (right - left) / max(len(points), 1)
    bar_width = round(min(slot * 0.62, 48.0), 1)

    def centre(index: int) -> float:
        return left + slot * (index + 0.5)

    def level(value: float) -> float:
        return round(base - max(value, 0.0) * scale, 1)

    def polyline(kind: str, value_of: Callable[[Point], float | None]) -> Line:
        found = [(centre(index), value_of(point)) for index, point in enumerate(points)]
        return Line(kind, " ".join(f"{x:.1f},{level(value):.1f}" for x, value in found if value is not None))

    lines = [polyline(second, lambda point: point.before)] if any(p.before is not None for p in points) else []
    if as_line:
        lines.append(polyline("line", lambda point: point.value))
    bars = () if as_line else tuple(
        Bar(
            x=round(centre(index) - bar_width / 2, 1),
            y=level(point.value),
            width=bar_width,
            height=round(base - level(point.value), 1),
            title=point.title,
            soft=point.soft,
            url=point.url,
            part=None if point.part is None else round(base - level(point.part), 1),
        )
        for index, point in enumerate(points)
    )  # fmt: skip
    return Drawing(
        width=width,
        height=height,
        left=left,
        right=right,
        grid=tuple(GridLine(level(amount), label) for amount, label in zip(axis, labels, strict=True)),
        bars=bars,
        lines=tuple(lines),
        ticks=_choose_ticks(points, centre, most_ticks, right=right),
    )


def _choose_ticks(
    points: Sequence[Point], centre: Callable[[int], float], most: int, *, right: int
) -> tuple[Tick, ...]:
    """Labels at even intervals, counted from the newest, so today always has one; none is cut off or overlaps."""
    if not points:
        return ()
    last, widest = len(points) - 1, max(len(point.label) for point in points) * LETTER_WIDTH
    # The newest label moves inwards from the edge.
    moved = max(0.0, centre(last) + len(points[last].label) * LETTER_WIDTH / 2 - right)
    step = math.ceil(len(points) / most)
    if last:
        step = max(step, math.ceil((widest + moved + LABEL_GAP) / (centre(1) - centre(0))))
    shown = range(last, -1, -step)
    ticks = []
    for index in reversed(shown):
        x, label = round(centre(index), 1), points[index].label
        runs_out = x + len(label) * LETTER_WIDTH / 2 > right
        ticks.append(Tick(float(right), label, "end") if runs_out else Tick(x, label, "middle"))
    return tuple(ticks)
