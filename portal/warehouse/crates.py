"""Boxes drawn to scale, seen from above at a corner, with layers of their contents; letters refer to the list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.boxes.pack import Content, PackedBox, PackLine

# Pixels per inch if all boxes fit, and the space for each.
PIXELS = 3.4
WIDEST, HIGHEST = 128.0, 114.0
ACROSS, DOWN = 0.866, 0.5
PAD = 3.0
MOST_LAYERS = 12
TAG = 8.0
INSET = 0.3
SHADES = ("a", "b", "c", "d", "e")


@dataclass(frozen=True, slots=True)
class Face:
    """One side of a box or slab: its class and corners."""

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


def choose_scale(boxes: Iterable[PackedBox]) -> float:
    """Pixels per inch for all boxes of a drawing, so that the largest fits."""
    fitting = [PIXELS]
    for box in boxes:
        if box.sides is not None:
            length, width, height = (float(side) for side in box.sides)
            fitting.append((WIDEST - 2 * PAD) / ((length + width) * ACROSS))
            fitting.append((HIGHEST - 2 * PAD) / ((length + width) * DOWN + height))
    return min(fitting)


def draw_crate(box: PackedBox, lines: Mapping[str, PackLine], letters: Mapping[str, str], scale: float) -> Crate | None:
    """The drawing of a box; None if it was not measured."""
    if box.sides is None:
        return None
    length, width, height = (float(side) for side in box.sides)
    left, top = width * scale * ACROSS + PAD, height * scale + PAD

    def corner(x: float, y: float, z: float) -> str:
        across = left + (x - y) * scale * ACROSS
        down = top + (x + y) * scale * DOWN - z * scale
        return f"{across:.1f},{down:.1f}"

    def face(look: str, *corners: tuple[float, float, float]) -> Face:
        return Face(look, " ".join(corner(*each) for each in corners))

    def lay(lower: float, upper: float) -> tuple[Face, ...]:
        a, b, c, d = INSET, INSET, length - INSET, width - INSET
        return (
            face("f-top", (a, b, upper), (c, b, upper), (c, d, upper), (a, d, upper)),
            face("f-left", (a, d, lower), (c, d, lower), (c, d, upper), (a, d, upper)),
            face("f-right", (c, b, lower), (c, d, lower), (c, d, upper), (c, b, upper)),
        )

    slabs, tags, level = [], [], 0.0
    for place, content in enumerate(box.contents, start=1):
        letter = letters.get(content.product_sku, "A")
        upper = min(level + _height_of(content, lines, length * width, height), height)
        layers = min(content.quantity, MOST_LAYERS)
        step = (upper - level) / layers
        faces = [each for layer in range(layers) for each in lay(level + layer * step, level + (layer + 1) * step)]
        slabs.append(Slab(SHADES[(ord(letter) - 65) % len(SHADES)], tuple(faces)))
        # The top layer is labelled on its top, lower ones at the front corner.
        is_last = place == len(box.contents)
        at = (length / 2, width / 2, upper) if is_last else (length, width, (level + upper) / 2)
        x, y = (float(part) for part in corner(*at).split(","))
        tags.append(Tag(letter, x, y))
        level = upper
    back = (
        face("floor", (0, 0, 0), (length, 0, 0), (length, width, 0), (0, width, 0)),
        face("wall", (0, 0, 0), (length, 0, 0), (length, 0, height), (0, 0, height)),
        face("wall", (0, 0, 0), (0, width, 0), (0, width, height), (0, 0, height)),
    )
    front = (
        face("edge", (0, width, height), (length, width, height), (length, 0, height)),
        face("edge", (0, width, 0), (length, width, 0), (length, 0, 0)),
        *(face("edge", (x, y, 0), (x, y, height)) for x, y in ((0, width), (length, width), (length, 0))),
    )
    inside = ", ".join(f"{content.quantity} {content.product_name}" for content in box.contents)
    words = f"{box.name or 'Box'}, {length:g} by {width:g} by {height:g} inches: {inside}"
    drawn_width = (length + width) * scale * ACROSS + 2 * PAD
    drawn_height = (length + width) * scale * DOWN + height * scale + 2 * PAD
    return Crate(
        round(drawn_width, 1), round(drawn_height, 1), back, tuple(slabs), front, _spread(tags, drawn_height), words
    )


def _height_of(content: Content, lines: Mapping[str, PackLine], floor: float, height: float) -> float:
    """The height of a product's units spread over the whole floor; up to the lid if not measured."""
    sides = lines[content.product_sku].unit_sides if content.product_sku in lines else None
    return float(sides[0] * sides[1] * sides[2]) * content.quantity / floor if sides else height


def _spread(tags: list[Tag], height: float) -> tuple[Tag, ...]:
    """The labels from the floor up, without overlaps and inside the drawing."""
    spread: list[Tag] = []
    lowest = height - TAG - 1
    for tag in tags:
        y = min(tag.y, lowest)
        spread.append(Tag(tag.letter, tag.x, round(max(y, TAG + 1), 1)))
        lowest = y - 2 * TAG
    return tuple(spread)


def choose_letters(boxes: Sequence[PackedBox]) -> dict[str, str]:
    """A letter for each product, in order of appearance."""
    found: dict[str, str] = {}
    for box in boxes:
        for content in box.contents:
            found.setdefault(content.product_sku, chr(65 + len(found) % 26))
    return found
