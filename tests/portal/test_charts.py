"""Charts begin at zero, end above their highest value and fit their frame."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.charts import WIDE, Chart, Point, choose_axis, draw_chart, write_axis_label


def chart_of(
    values: list[float], before: list[float] | None = None, *, as_line: bool = False, wide: tuple[int, int] = WIDE
) -> Chart:
    points = [
        Point(
            label=f"Nov {index + 1}",
            value=value,
            title=str(value),
            cells=(f"Nov {index + 1}", str(value)),
            before=before[index] if before else None,
            soft=index == len(values) - 1,
        )
        for index, value in enumerate(values)
    ]
    return draw_chart(points, title="T", period="P", summary="S", columns=("Day", "Sum"), as_line=as_line, wide=wide)


def test_only_a_chart_of_nothing_is_empty() -> None:
    assert chart_of([0.0, 0.0], [0.0, 0.0]).is_empty
    assert not chart_of([0.0, 1.0]).is_empty
    assert not chart_of([0.0, 0.0], [0.0, 1.0]).is_empty
    nothing = {"title": "T", "period": "P", "summary": "S", "columns": ("Day", "Share"), "unit": "%"}
    assert draw_chart([], **nothing).is_empty  # type: ignore[arg-type] # the columns are a tuple among texts
    assert not draw_chart([Point(label="Nov 1", value=0.0, title="0%", cells=("Nov 1", "0%"))], **nothing).is_empty  # type: ignore[arg-type] # the same


@pytest.mark.parametrize(
    ("highest", "axis"),
    [
        (2989.54, (0, 1000, 2000, 3000)),
        (3000.0, (0, 1000, 2000, 3000)),
        (7.0, (0, 2, 4, 6, 8)),
        (100.0, (0, 25, 50, 75, 100)),
        (0.0, (0, 1)),
    ],
)
def test_the_axis_has_round_amounts_up_to_the_highest(highest: float, axis: tuple[float, ...]) -> None:
    assert choose_axis(highest) == axis


@given(st.floats(min_value=0.01, max_value=1e12))
def test_every_axis_begins_at_zero_covers_the_highest_and_has_few_lines(highest: float) -> None:
    axis = choose_axis(highest)
    assert axis[0] == 0
    assert axis[-1] >= highest * (1 - 1e-9)
    assert 3 <= len(axis) <= 5


def test_axis_labels_are_short() -> None:
    labels = [write_axis_label(amount, "$") for amount in (0, 250, 1000, 2500, 1_500_000)]
    assert labels == ["$0", "$250", "$1k", "$2.5k", "$1.5M"]
    assert write_axis_label(80, "%") == "80%"


def test_the_highest_bar_reaches_the_line_of_its_amount() -> None:
    wide = chart_of([1000.0, 3000.0]).wide
    assert wide.grid[-1].label == "$3k"
    assert wide.bars[1].y == wide.grid[-1].y == 14.0
    assert wide.bars[0].height == pytest.approx((186 - 14) / 3, abs=0.1)
    assert [bar.soft for bar in wide.bars] == [False, True]


@given(st.lists(st.floats(min_value=-50, max_value=1e7), min_size=1, max_size=60))
def test_no_bar_or_label_leaves_the_frame(values: list[float]) -> None:
    for drawing in (chart_of(values).wide, chart_of(values).narrow):
        for bar in drawing.bars:
            assert bar.x >= drawing.left - 0.2
            assert bar.x + bar.width <= drawing.right + 0.2
            assert bar.height >= 0
        assert all(tick.x <= drawing.right for tick in drawing.ticks)


@pytest.mark.parametrize(("value", "longest", "left"), [(90.0, "$100", 38), (1e6, "$250k", 43), (3e9, "$1000M", 50)])
def test_the_amounts_at_the_left_are_not_cut_off(value: float, longest: str, left: int) -> None:
    for drawing in (chart_of([value]).wide, chart_of([value]).narrow):
        assert longest in {line.label for line in drawing.grid}
        # Seven pixels a letter at the most, and eight between the amount and its line.
        assert drawing.left == left >= 7 * max(len(line.label) for line in drawing.grid) + 8


def test_the_newest_day_always_has_a_label_that_is_not_cut_off() -> None:
    narrow = chart_of([1.0] * 30).narrow
    assert narrow.ticks[-1].label == "Nov 30"
    assert (narrow.ticks[-1].x, narrow.ticks[-1].anchor) == (322.0, "end")
    assert len(narrow.ticks) <= 4


@pytest.mark.parametrize("wide", [(992, 208), (624, 250), (300, 250)])
@pytest.mark.parametrize("count", [2, 5, 8, 9, 30, 60])
def test_no_two_labels_overlap(count: int, wide: tuple[int, int]) -> None:
    chart = chart_of([1.0] * count, wide=wide)
    for drawing in (chart.wide, chart.narrow):
        edges = [
            (tick.x - width, tick.x) if tick.anchor == "end" else (tick.x - width / 2, tick.x + width / 2)
            for tick in drawing.ticks
            for width in [len(tick.label) * 6]
        ]
        assert all(before[1] + 5 <= after[0] for before, after in pairwise(edges))
        assert drawing.ticks[-1].label == f"Nov {count}"


def test_the_period_before_is_a_line_of_its_own_and_scales_the_axis() -> None:
    chart = chart_of([100.0, 200.0], [400.0, 50.0])
    assert [line.kind for line in chart.wide.lines] == ["before"]
    assert chart.wide.grid[-1].label == "$400"


def test_a_line_chart_has_no_bars() -> None:
    drawing = chart_of([1.0, 2.0, 3.0], as_line=True).wide
    assert drawing.bars == ()
    assert [line.kind for line in drawing.lines] == ["line"]
    assert len(drawing.lines[0].points.split()) == 3


def test_nothing_to_draw_is_an_empty_chart() -> None:
    chart = chart_of([])
    assert (chart.wide.bars, chart.wide.ticks, chart.rows) == ((), (), ())


def test_the_numbers_come_newest_first() -> None:
    assert [row.cells[0] for row in chart_of([1.0, 2.0]).rows] == ["Nov 2", "Nov 1"]
