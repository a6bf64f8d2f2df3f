"""Boxes drawn to scale, seen from a corner above, with what lies in them as slabs; letters key them to the list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.boxes.pack import PackedBox, PackLine

PIXELS = 3.4
ACROSS, DOWN = 0.866, 0.5
PAD = 3.0
INSET = 0.3
SHADES = ("a", "b", "c", "d", "e")


@dataclass(frozen=True, slots=True)
class Face:
    """One side of a box or slab: its class and the corners of it."""

    look: str
    points: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A letter on a slab."""

    letter: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Slab:
    """Units of one product, lying flat."""

    shade: str
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Crate:
    """A drawn box; sizes in pixels."""

    width: float
    height: float
    back: tuple[Face, ...]
    slabs: tuple[Slab, ...]
    front: tuple[Face, ...]
    tags: tuple[Tag, ...]
    words: str


def draw_crate(box: PackedBox, lines: Mapping[str, PackLine], letters: Mapping[str, str]) -> Crate | None:
    """The picture of a box; None for one that nobody measured."""
    if box.sides is None:
        return None
    length, width, height = (float(side) for side in box.sides)
    left, top = width * PIXELS * ACROSS + PAD, height * PIXELS + PAD

    def corner(x: float, y: float, z: float) -> str:
        across = left + (x - y) * PIXELS * ACROSS
        down = top + (x + y) * PIXELS * DOWN - z * PIXELS
        return f"{across:.1f},{down:.1f}"

    def face(look: str, *corners: tuple[float, float, float]) -> Face:
        return Face(look, " ".join(corner(*each) for each in corners))

    slabs, tags, level = [], [], 0.0
    room = length * width * height
    for content in box.contents:
        sides = lines[content.product_sku].unit_sides if content.product_sku in lines else None
        volume = float(sides[0] * sides[1] * sides[2]) * content.quantity if sides else room
        upper = min(level + volume / (length * width), height)
        a, b, c, d = INSET, INSET, length - INSET, width - INSET
        letter = letters.get(content.product_sku, "A")
        faces = (
            face("f-top", (a, b, upper), (c, b, upper), (c, d, upper), (a, d, upper)),
            face("f-left", (a, d, level), (c, d, level), (c, d, upper), (a, d, upper)),
            face("f-right", (c, b, level), (c, d, level), (c, d, upper), (c, b, upper)),
        )
        slabs.append(Slab(SHADES[(ord(letter) - 65) % len(SHADES)], faces))
        x, y = corner(length / 2, width / 2, upper).split(",")
        tags.append(Tag(letter, float(x), float(y)))
        level = upper
    back = (
        face("floor", (0, 0, 0), (length, 0, 0), (length, width, 0), (0, width, 0)),
        face("wall", (0, 0, 0), (length, 0, 0), (length, 0, height), (0, 0, height)),
        face("wall", (0, 0, 0), (0, width, 0), (0, width, height), (0, 0, height)),
    )
    front = (face("edge", (0, width, height), (length, width, height), (length, 0, height)),)
    inside = ", ".join(f"{content.quantity} {content.product_name}" for content in box.contents)
    words = f"{box.name or 'Box'}, {length:g} by {width:g} by {height:g} inches: {inside}"
    drawn_width = (length + width) * PIXELS * ACROSS + 2 * PAD
    drawn_height = (length + width) * PIXELS * DOWN + height * PIXELS + 2 * PAD
    return Crate(round(drawn_width, 1), round(drawn_height, 1), back, tuple(slabs), front, tuple(tags), words)


def choose_letters(boxes: Sequence[PackedBox]) -> dict[str, str]:
    """A letter for each product, in the order that they appear."""
    found: dict[str, str] = {}
    for box in boxes:
        for content in box.contents:
            found.setdefault(content.product_sku, chr(65 + len(found) % 26))
    return found
