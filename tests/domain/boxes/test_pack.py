"""Packing: worked examples, and what holds for every order that anybody could place."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.boxes.pack import MOST_OUNCES, BoxType, PackLine, count_all, pack_in_steps, pack_lines, weigh_all
from domain.boxes.suggest import ProductBox

PAN = ("Pan box", 26, 18, 10)
MEDIUM = ("Medium", 16, 12, 10)
FLAT = ("Flat", 18, 13, 6)
SMALL = ("Small", 12, 9, 6)
SHELF = [BoxType(name, (Decimal(a), Decimal(b), Decimal(c))) for name, a, b, c in (PAN, MEDIUM, FLAT, SMALL)]


def line(number: int, quantity: int, per_box: int, box: tuple[Any, ...] | None, ounces: float | None) -> PackLine:
    """So many units of a product of which `per_box` fill the box."""
    name, *sides = box or ("", None, None, None)
    length, width, height = (None if side is None else Decimal(str(side)) for side in sides)
    weight = None if ounces is None else Decimal(str(ounces))
    packed_in = ProductBox(number, f"P{number}", f"SKU-{number}", per_box, name, length, width, height, True, weight)
    return PackLine(f"P{number}", f"SKU-{number}", quantity, packed_in)


# What is ordered, and the boxes it makes: name, units, how many alike.
EXAMPLES: list[tuple[str, list[PackLine], list[tuple[str, int, int]]]] = [
    ("nothing", [], []),
    ("one full box", [line(1, 12, 12, PAN, 46.4)], [("Pan box", 12, 1)]),
    ("two full boxes", [line(1, 24, 12, PAN, 46.4)], [("Pan box", 12, 2)]),
    ("a full box and one over", [line(1, 13, 12, PAN, 46.4)], [("Pan box", 12, 1), ("Pan box", 1, 1)]),
    ("one unit of a box of twelve", [line(1, 1, 12, PAN, 46.4)], [("Pan box", 1, 1)]),
    ("own carton", [line(1, 3, 1, MEDIUM, 100)], [("Medium", 1, 3)]),
    ("a hundred alike", [line(1, 100, 1, SMALL, 10)], [("Small", 1, 100)]),
    ("nobody knows a box", [line(1, 3, 1, None, 10)], [("", 1, 3)]),
    ("a rule without sizes", [line(1, 7, 4, ("Tube", None, None, None), 10)], [("Tube", 4, 1), ("Tube", 3, 1)]),
    ("exactly forty pounds", [line(1, 10, 10, PAN, 64)], [("Pan box", 10, 1)]),
    ("ten would be too heavy", [line(1, 10, 10, PAN, 65)], [("Pan box", 9, 1), ("Pan box", 1, 1)]),
    ("twenty of them", [line(1, 20, 10, PAN, 65)], [("Pan box", 9, 2), ("Pan box", 2, 1)]),
    ("one unit above forty pounds", [line(1, 2, 1, PAN, 700)], [("Pan box", 1, 2)]),
    ("heavier than its box of four", [line(1, 4, 4, PAN, 700)], [("Pan box", 1, 4)]),
    ("two leftovers in one box", [line(1, 2, 12, PAN, 46), line(2, 2, 12, PAN, 20)], [("Pan box", 4, 1)]),
    ("a leftover that fits a flat box", [line(1, 2, 4, FLAT, 70)], [("Flat", 2, 1)]),
    ("small things beside pans", [line(1, 6, 12, PAN, 46), line(2, 3, 8, SMALL, 5)], [("Pan box", 9, 1)]),
    ("too high together", [line(1, 3, 4, MEDIUM, 20), line(2, 3, 4, MEDIUM, 20)], [("Medium", 4, 1), ("Flat", 2, 1)]),
    ("too heavy together", [line(1, 3, 4, PAN, 150), line(2, 3, 4, PAN, 150)], [("Pan box", 4, 1), ("Pan box", 2, 1)]),
    ("full boxes first", [line(1, 5, 4, MEDIUM, 20), line(2, 4, 4, FLAT, 20)],
     [("Medium", 4, 1), ("Flat", 4, 1), ("Flat", 1, 1)]),
    ("the bulkiest first", [line(1, 1, 8, SMALL, 5), line(2, 1, 2, PAN, 90)], [("Pan box", 2, 1)]),
    ("a side too long", [line(1, 1, 2, ("Tube", 40, 3, 4), 10), line(2, 1, 2, PAN, 10)],
     [("Pan box", 1, 1), ("Tube", 1, 1)]),
    ("turned on its side", [line(1, 1, 2, ("Tall", 6, 9, 23), 10), line(2, 1, 3, PAN, 10)], [("Pan box", 2, 1)]),
    ("weight unknown", [line(1, 5, 4, MEDIUM, None)], [("Medium", 4, 1), ("Flat", 1, 1)]),
    ("known and unknown weights", [line(1, 1, 4, MEDIUM, None), line(2, 1, 4, MEDIUM, 30)], [("Flat", 2, 1)]),
    ("seven in boxes of three", [line(1, 7, 3, MEDIUM, 30)], [("Medium", 3, 2), ("Flat", 1, 1)]),
    ("a thousand in boxes of seven", [line(1, 1000, 7, MEDIUM, 3)], [("Medium", 7, 142), ("Medium", 6, 1)]),
    ("three products, one box", [line(n, 1, 4, MEDIUM, 10) for n in (1, 2, 3)], [("Medium", 3, 1)]),
    ("five products, two boxes", [line(n, 1, 4, MEDIUM, 10) for n in range(5)], [("Medium", 4, 1), ("Flat", 1, 1)]),
    ("a smaller box will do", [line(1, 1, 20, PAN, 5), line(2, 1, 20, PAN, 5)], [("Pan box", 2, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "lines", "expected"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_worked_examples(name: str, lines: list[PackLine], expected: list[tuple[str, int, int]]) -> None:
    del name
    assert [(box.name, box.units, box.count) for box in pack_lines(lines, SHELF)] == expected


def test_there_are_thirty_examples() -> None:
    assert len(EXAMPLES) == 30


def test_why_a_box_was_begun_is_said() -> None:
    boxes = pack_lines([line(1, 3, 4, PAN, 150), line(2, 3, 4, PAN, 150)])
    assert boxes[1].why == "P2 would make box 1 46.9 lb, over 40"


def test_each_step_is_noted() -> None:
    lines = [line(1, 7, 4, MEDIUM, 150), line(2, 1, 4, MEDIUM, 20), line(3, 1, 2, PAN, 320), line(4, 2, 3, None, 10)]
    packing = pack_in_steps(lines, SHELF)
    assert [(step.kind, step.box, step.box_name, step.product_name, step.quantity) for step in packing.steps] == [
        ("full", 1, "Medium", "P1", 4),
        ("alone", 2, "", "P4", 2),
        ("begun", 3, "Pan box", "P3", 1),
        ("added", 3, "Pan box", "P1", 2),
        ("left", 3, "Pan box", "P1", 1),
        ("begun", 4, "Medium", "P1", 1),
        ("added", 3, "Pan box", "P2", 1),
        ("smaller", 4, "Flat", "", 0),
    ]
    assert packing.steps[4].why == "would make box 3 48.1 lb, over 40"
    assert packing.boxes == pack_lines(lines, SHELF)


SIDES = st.decimals(min_value=1, max_value=40, places=2)
LINES = st.lists(
    st.builds(
        line,
        st.integers(1, 999),
        st.integers(1, 60),
        st.integers(1, 24),
        st.one_of(st.none(), st.tuples(st.sampled_from(["A", "B", "C"]), SIDES, SIDES, SIDES)),
        st.one_of(st.none(), st.floats(0.01, 900).map(lambda ounces: round(ounces, 2)).filter(bool)),
    ),
    max_size=8,
    unique_by=lambda each: each.product_sku,
)


def _volume(sides: tuple[Decimal, Decimal, Decimal] | None) -> Decimal:
    assert sides is not None
    return sides[0] * sides[1] * sides[2]


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_what_holds_for_every_order(lines: list[PackLine]) -> None:
    boxes = pack_lines(lines, SHELF)
    packed: dict[str, int] = {}
    by_sku = {each.product_sku: each for each in lines}
    for box in boxes:
        for content in box.contents:
            packed[content.product_sku] = packed.get(content.product_sku, 0) + content.quantity * box.count
        if box.weight_oz is not None and box.units > 1:
            assert box.weight_oz <= MOST_OUNCES
        if box.sides is not None:
            for content in box.contents:
                unit = by_sku[content.product_sku].unit_sides
                assert unit is not None
                assert all(inner <= outer for inner, outer in zip(sorted(unit), sorted(box.sides), strict=True))
            volumes = [_volume(by_sku[content.product_sku].unit_sides) * content.quantity for content in box.contents]
            # A unit's share of its box's height is rounded.
            assert sum(volumes) <= _volume(box.sides) * Decimal("1.000001")
    assert packed == {each.product_sku: each.quantity for each in lines}
    assert count_all(boxes) <= sum(each.quantity for each in lines)
    if all(each.unit_weight is not None for each in lines):
        assert weigh_all(boxes) == sum((each.unit_weight or 0) * each.quantity for each in lines)
