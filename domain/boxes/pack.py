"""Pack an order into boxes: full boxes by rule first, then the remaining units, first fit decreasing by volume.

A unit is a slice of its own box: as long and as wide, with its share of the height. A remaining unit goes into the
first open box with room for its volume, its weight and each of its sides. A box takes at most 40 lb, unless a single
unit weighs more. Does not use the database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from domain.boxes.suggest import ProductBox

# What one person can lift for a carrier: 40 lb.
MOST_OUNCES = Decimal(640)
Sides = tuple[Decimal, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class BoxType:
    """A kind of box; sides in inches as entered."""

    name: str
    sides: Sides

    @property
    def volume(self) -> Decimal:
        """Volume in cubic inches."""
        return self.sides[0] * self.sides[1] * self.sides[2]


# Not frozen: a page creates hundreds of these and the classes below, and frozen ones take five times as long to create.
@dataclass(slots=True)
class Content:
    """Units of one product in a box."""

    product_id: int | None
    product_name: str
    product_sku: str
    quantity: int


@dataclass(slots=True)
class PackedBox:
    """A box with its content; `count` boxes are packed alike. `why` says why it was started, if that is not obvious.

    `sides` is None if the box has no measures, `weight_oz` if the weight of a product is unknown.
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
        """The number of units in one of these boxes."""
        return sum(content.quantity for content in self.contents)


@dataclass(slots=True)
class PackLine:
    """Units of one product to pack; without a product no box is known for it."""

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
        """The weight of one unit in ounces; None if unknown."""
        return None if self.box is None else self.box.unit_weight_oz

    @property
    def fills(self) -> int:
        """How many units fill a box; fewer than the rule says if they would be too heavy."""
        by_rule = self.box.qty_per_box if self.box is not None else 1
        if not self.unit_weight:
            return by_rule
        return max(1, min(by_rule, int(MOST_OUNCES // self.unit_weight)))

    def holding(self, quantity: int) -> Content:
        """Return the content of a box with this number of units."""
        return Content(self.box.product_id if self.box else None, self.product_name, self.product_sku, quantity)


class StepKind(StrEnum):
    """The kinds of steps in packing."""

    FULL = "full"
    ALONE = "alone"
    BEGUN = "begun"
    ADDED = "added"
    LEFT = "left"
    SMALLER = "smaller"


@dataclass(slots=True)
class PackStep:
    """One decision: `quantity` units of a product and the box, numbered from 1, that takes them.

    With kind `left` the box does not take them, and `why` gives the reason; with `smaller` the box is larger than its
    content needs, and `box_name` is a smaller one that is sufficient.
    """

    kind: StepKind
    box: int
    box_name: str
    product_name: str = ""
    quantity: int = 0
    count: int = 1
    why: str = ""


@dataclass(slots=True)
class Packing:
    """The boxes of an order, and the steps that led to them."""

    boxes: list[PackedBox]
    steps: list[PackStep]


@dataclass(slots=True)
class _Left:
    """The remaining units of a line, with one unit measured once; `by_length` are its sides, shortest first."""

    line: PackLine
    quantity: int
    own_box: BoxType
    volume: Decimal
    weight: Decimal | None
    by_length: Sequence[Decimal]


@dataclass(slots=True)
class _Open:
    """A box that still has room."""

    number: int
    kind: BoxType
    why: str
    volume: Decimal = Decimal(0)
    weight: Decimal = Decimal(0)
    is_weighed: bool = True
    lines: list[tuple[_Left, int]] = field(default_factory=list)

    def count_room(self, left: _Left, wanted: int) -> tuple[int, str]:
        """Return how many units of a line it takes, and what keeps out the rest."""
        unit, weight = left.volume, left.weight
        if not _fits(left.by_length, self.kind.sides):
            return 0, f"is too long or too wide for box {self.number}"
        by_volume = int((self.kind.volume - self.volume) / unit) if unit else wanted
        by_weight = int((MOST_OUNCES - self.weight) // weight) if weight else wanted
        if by_weight <= by_volume:
            heavy = (self.weight + (weight or 0) * (max(by_weight, 0) + 1)) / 16
            too_heavy = f"would make box {self.number} {heavy:.1f} lb, over {MOST_OUNCES / 16:.0f}"
            return max(0, min(wanted, by_weight)), too_heavy
        return max(0, min(wanted, by_volume)), f"does not fit into box {self.number}"

    def add(self, left: _Left, quantity: int) -> None:
        self.volume += left.volume * quantity
        self.weight += (left.weight or 0) * quantity
        self.is_weighed = self.is_weighed and left.weight is not None
        self.lines.append((left, quantity))


def _fits(by_length: Sequence[Decimal], outer: Sides) -> bool:
    """Whether a unit with these sides, shortest first, fits into a box in some position along its sides."""
    short, middle, long = sorted(outer)
    return by_length[0] <= short and by_length[1] <= middle and by_length[2] <= long


def pack_lines(lines: Iterable[PackLine], shelf: Sequence[BoxType] = ()) -> list[PackedBox]:
    """Return the boxes of an order: full ones in the order of its lines, then those packed together.

    `shelf` are further boxes for the remaining units, used if a smaller one is sufficient. Every unit is in exactly one
    box, and there are never more boxes than units.
    """
    return pack_in_steps(lines, shelf).boxes


def pack_in_steps(lines: Iterable[PackLine], shelf: Sequence[BoxType] = ()) -> Packing:
    """Return the same boxes with each step that led to them."""
    packing = Packing([], [])
    left: list[_Left] = []
    for line in lines:
        fills = line.fills
        count, rest = divmod(line.quantity, fills)
        if count:
            _close_full(packing, StepKind.FULL, line, fills, count)
        if not rest:
            continue
        measured = _measure(line, rest)
        if measured is None:
            _close_full(packing, StepKind.ALONE, line, rest, 1)
        else:
            left.append(measured)
    if left:
        _pack_together(packing, left, shelf)
    return packing


def count_all(boxes: Iterable[PackedBox]) -> int:
    """Return the number of boxes."""
    return sum(box.count for box in boxes)


def weigh_all(boxes: Sequence[PackedBox]) -> Decimal | None:
    """Return the weight of all boxes in ounces; None if the weight of a product is unknown."""
    if any(box.weight_oz is None for box in boxes):
        return None
    return sum((box.weight_oz * box.count for box in boxes if box.weight_oz is not None), Decimal(0))


def _close_full(packing: Packing, kind: StepKind, line: PackLine, units: int, count: int) -> None:
    weight = None if line.unit_weight is None else line.unit_weight * units
    name = line.box.box_name if line.box else ""
    packing.boxes.append(PackedBox(name, line.sides, weight, (line.holding(units),), count))
    packing.steps.append(PackStep(kind, len(packing.boxes), name, line.product_name, units, count))


def _measure(line: PackLine, quantity: int) -> _Left | None:
    sides, unit = line.sides, line.unit_sides
    if sides is None or unit is None or line.box is None:
        return None
    own_box = BoxType(line.box.box_name, sides)
    return _Left(line, quantity, own_box, unit[0] * unit[1] * unit[2], line.unit_weight, sorted(unit))


def _pack_together(packing: Packing, lines: Sequence[_Left], shelf: Sequence[BoxType]) -> None:
    """First fit decreasing: the bulkiest unit first, each into the first open box that takes it."""
    opened: list[_Open] = []
    full, note = len(packing.boxes), packing.steps.append
    kinds = sorted({*shelf, *(left.own_box for left in lines)}, key=lambda kind: (kind.volume, kind.name))
    for left in sorted(lines, key=lambda each: each.volume, reverse=True):
        rest, why, name = left.quantity, "", left.line.product_name
        for box in opened:
            taken, reason = box.count_room(left, rest)
            if taken:
                box.add(left, taken)
                rest -= taken
                note(PackStep(StepKind.ADDED, box.number, box.kind.name, name, taken))
            if not rest:
                break
            why = reason
            note(PackStep(StepKind.LEFT, box.number, box.kind.name, name, rest, why=why))
        while rest:
            number = full + len(opened) + 1
            begun = _Open(number, left.own_box, f"{name} {why}" if why else "")
            taken, why = begun.count_room(left, rest)
            # A single unit that is too heavy for any box still needs one.
            taken = max(taken, 1)
            begun.add(left, taken)
            rest -= taken
            opened.append(begun)
            note(PackStep(StepKind.BEGUN, number, begun.kind.name, name, taken))
    for box in opened:
        closed = _close(box, kinds)
        if closed.sides != box.kind.sides:
            note(PackStep(StepKind.SMALLER, box.number, closed.name))
        packing.boxes.append(closed)


def _close(box: _Open, kinds: Sequence[BoxType]) -> PackedBox:
    """Close a box, in the smallest kind that holds the same content."""
    small = next((kind for kind in kinds if kind.volume >= box.volume and _takes_all(kind, box)), box.kind)
    contents = tuple(left.line.holding(quantity) for left, quantity in box.lines)
    weight = box.weight if box.is_weighed else None
    return PackedBox(small.name, small.sides, weight, contents, is_mixed=True, why=box.why)


def _takes_all(kind: BoxType, box: _Open) -> bool:
    return all(_fits(left.by_length, kind.sides) for left, _ in box.lines)
