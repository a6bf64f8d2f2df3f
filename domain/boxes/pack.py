"""Packing an order into boxes: full boxes by rule first, then what is left over, first fit decreasing by volume.

A unit is a slice of its own box: as long and as wide, and as high as its share. What is left over goes into the first
open box with room for its volume, its weight and each of its sides; a box takes 40 lb at most, unless one unit alone
weighs more. No database here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from domain.boxes.suggest import ProductBox

# What a carrier's man lifts: 40 lb.
MOST_OUNCES = Decimal(640)
Sides = tuple[Decimal, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class BoxType:
    """A box on the shelf; sides in inches as they are written."""

    name: str
    sides: Sides

    @property
    def volume(self) -> Decimal:
        """Cubic inches."""
        return self.sides[0] * self.sides[1] * self.sides[2]


@dataclass(frozen=True, slots=True)
class Content:
    """Units of one product in a box."""

    product_id: int | None
    product_name: str
    product_sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PackedBox:
    """A box with what goes in; `count` boxes are packed alike. `why` says why it was begun, where that is not plain.

    `sides` is None while nobody measured the box, `weight_oz` while a product's weight is unknown.
    """

    name: str
    sides: Sides | None
    weight_oz: Decimal | None
    contents: tuple[Content, ...]
    count: int = 1
    is_mixed: bool = False
    why: str = ""

    @property
    def units(self) -> int:
        """How many units lie in one of these boxes."""
        return sum(content.quantity for content in self.contents)


@dataclass(frozen=True, slots=True)
class PackLine:
    """Units of one product to pack; without a product nobody knows a box for it."""

    product_name: str
    product_sku: str
    quantity: int
    box: ProductBox | None

    @property
    def sides(self) -> Sides | None:
        """The box that the product fills, in inches."""
        if self.box is None or self.box.length_in is None or self.box.width_in is None or self.box.height_in is None:
            return None
        return (self.box.length_in, self.box.width_in, self.box.height_in)

    @property
    def unit_sides(self) -> Sides | None:
        """One unit as a slice of its box."""
        if self.sides is None or self.box is None:
            return None
        length, width, height = self.sides
        return (length, width, height / self.box.qty_per_box)

    @property
    def unit_weight(self) -> Decimal | None:
        """Ounces of one unit, None while unknown."""
        return None if self.box is None else self.box.unit_weight_oz

    @property
    def fills(self) -> int:
        """How many units fill a box, fewer than the rule says where they would be too heavy."""
        by_rule = self.box.qty_per_box if self.box is not None else 1
        if not self.unit_weight:
            return by_rule
        return max(1, min(by_rule, int(MOST_OUNCES // self.unit_weight)))

    def holding(self, quantity: int) -> Content:
        """So many units of it in a box."""
        return Content(self.box.product_id if self.box else None, self.product_name, self.product_sku, quantity)


class StepKind(StrEnum):
    """What a step of the packing did."""

    FULL = "full"
    ALONE = "alone"
    BEGUN = "begun"
    ADDED = "added"
    LEFT = "left"
    SMALLER = "smaller"


@dataclass(frozen=True, slots=True)
class PackStep:
    """One decision: `quantity` units of a product and the box, numbered from 1, that takes them.

    With `left` the box does not take them, and `why` says what keeps them out; with `smaller` the box turns out to be
    larger than what is in it needs, and `box_name` is the one that will do.
    """

    kind: StepKind
    box: int
    box_name: str
    product_name: str = ""
    quantity: int = 0
    count: int = 1
    why: str = ""


@dataclass(frozen=True, slots=True)
class Packing:
    """The boxes of an order, and how it came to them."""

    boxes: list[PackedBox]
    steps: list[PackStep]


@dataclass(slots=True)
class _Open:
    """A box that still takes things."""

    number: int
    kind: BoxType
    why: str
    volume: Decimal = Decimal(0)
    weight: Decimal = Decimal(0)
    is_weighed: bool = True
    lines: list[tuple[PackLine, int]] = field(default_factory=list)

    def count_room(self, line: PackLine, wanted: int) -> tuple[int, str]:
        """How many units of a line it takes, and what keeps more out."""
        sides, weight = line.unit_sides, line.unit_weight
        assert sides is not None  # only measured goods are packed together
        if not fits_in(sides, self.kind.sides):
            return 0, f"is too long or too wide for box {self.number}"
        unit = sides[0] * sides[1] * sides[2]
        by_volume = int((self.kind.volume - self.volume) / unit) if unit else wanted
        by_weight = int((MOST_OUNCES - self.weight) // weight) if weight else wanted
        if by_weight <= by_volume:
            heavy = (self.weight + (weight or 0) * (max(by_weight, 0) + 1)) / 16
            too_heavy = f"would make box {self.number} {heavy:.1f} lb, over {MOST_OUNCES / 16:.0f}"
            return max(0, min(wanted, by_weight)), too_heavy
        return max(0, min(wanted, by_volume)), f"finds no more room in box {self.number}"

    def add(self, line: PackLine, quantity: int) -> None:
        sides = line.unit_sides
        assert sides is not None  # the same
        self.volume += sides[0] * sides[1] * sides[2] * quantity
        self.weight += (line.unit_weight or 0) * quantity
        self.is_weighed = self.is_weighed and line.unit_weight is not None
        self.lines.append((line, quantity))


def fits_in(inner: Sides, outer: Sides) -> bool:
    """True when the inner box goes into the outer one in some position along its sides."""
    return all(small <= large for small, large in zip(sorted(inner), sorted(outer), strict=True))


def pack_lines(lines: Iterable[PackLine], shelf: Sequence[BoxType] = ()) -> list[PackedBox]:
    """The boxes of an order: full ones in the order of its lines, then those packed together.

    `shelf` are further boxes that what is left over may go into when a smaller one will do. Every unit is in exactly
    one box, and there are never more boxes than units.
    """
    return pack_in_steps(lines, shelf).boxes


def pack_in_steps(lines: Iterable[PackLine], shelf: Sequence[BoxType] = ()) -> Packing:
    """The same boxes with each step to them."""
    packing = Packing([], [])
    left: list[tuple[PackLine, int]] = []
    for line in lines:
        count, rest = divmod(line.quantity, line.fills)
        if count:
            _close_full(packing, StepKind.FULL, line, line.fills, count)
        if not rest:
            continue
        if line.sides is None:
            _close_full(packing, StepKind.ALONE, line, rest, 1)
        else:
            left.append((line, rest))
    _pack_together(packing, left, shelf)
    return packing


def count_all(boxes: Iterable[PackedBox]) -> int:
    """How many boxes there are."""
    return sum(box.count for box in boxes)


def weigh_all(boxes: Sequence[PackedBox]) -> Decimal | None:
    """What all boxes weigh, in ounces; None while a product's weight is unknown."""
    if any(box.weight_oz is None for box in boxes):
        return None
    return sum((box.weight_oz * box.count for box in boxes if box.weight_oz is not None), Decimal(0))


def _close_full(packing: Packing, kind: StepKind, line: PackLine, units: int, count: int) -> None:
    weight = None if line.unit_weight is None else line.unit_weight * units
    name = line.box.box_name if line.box else ""
    packing.boxes.append(PackedBox(name, line.sides, weight, (line.holding(units),), count))
    packing.steps.append(PackStep(kind, len(packing.boxes), name, line.product_name, units, count))


def _pack_together(packing: Packing, left: Sequence[tuple[PackLine, int]], shelf: Sequence[BoxType]) -> None:
    """First fit decreasing: the bulkiest unit first, each into the first open box that takes it."""
    opened: list[_Open] = []
    full, note = len(packing.boxes), packing.steps.append
    kinds = sorted({*shelf, *(_own_box(line) for line, _ in left)}, key=lambda kind: (kind.volume, kind.name))
    for line, quantity in sorted(left, key=lambda each: _volume_of(each[0]), reverse=True):
        rest, why = quantity, ""
        for box in opened:
            taken, reason = box.count_room(line, rest)
            if taken:
                box.add(line, taken)
                rest -= taken
                note(PackStep(StepKind.ADDED, box.number, box.kind.name, line.product_name, taken))
            if not rest:
                break
            why = reason
            note(PackStep(StepKind.LEFT, box.number, box.kind.name, line.product_name, rest, why=why))
        while rest:
            number = full + len(opened) + 1
            begun = _Open(number, _own_box(line), f"{line.product_name} {why}" if why else "")
            taken, why = begun.count_room(line, rest)
            # One unit that is too heavy for any box still needs one.
            taken = max(taken, 1)
            begun.add(line, taken)
            rest -= taken
            opened.append(begun)
            note(PackStep(StepKind.BEGUN, number, begun.kind.name, line.product_name, taken))
    for box in opened:
        closed = _close(box, kinds)
        if closed.sides != box.kind.sides:
            note(PackStep(StepKind.SMALLER, box.number, closed.name))
        packing.boxes.append(closed)


def _close(box: _Open, kinds: Sequence[BoxType]) -> PackedBox:
    """Close a box, in the smallest that holds the same things."""
    small = next((kind for kind in kinds if kind.volume >= box.volume and _takes_all(kind, box)), box.kind)
    contents = tuple(line.holding(quantity) for line, quantity in box.lines)
    weight = box.weight if box.is_weighed else None
    return PackedBox(small.name, small.sides, weight, contents, is_mixed=True, why=box.why)


def _takes_all(kind: BoxType, box: _Open) -> bool:
    return all(line.unit_sides is not None and fits_in(line.unit_sides, kind.sides) for line, _ in box.lines)


def _own_box(line: PackLine) -> BoxType:
    assert line.sides is not None  # only measured goods are packed together
    assert line.box is not None  # the same
    return BoxType(line.box.box_name, line.sides)


def _volume_of(line: PackLine) -> Decimal:
    sides = line.unit_sides
    assert sides is not None  # the same
    return sides[0] * sides[1] * sides[2]
