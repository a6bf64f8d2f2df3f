"""The pictures of the demo's products: every kind has a shape, and shapes are drawn as they are written."""

from io import BytesIO

import pytest
from PIL import Image

from tasks.demo.ground import _read_kinds
from tasks.demo.pictures import SHAPES, draw_kind
from tasks.demo.vector import draw_shape

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def look(svg: str, *points: tuple[int, int]) -> list[tuple[int, ...]]:
    """The colours of these places of the 96 by 96 view."""
    picture = Image.open(BytesIO(draw_shape(f'<svg viewBox="0 0 96 96">{svg}</svg>', 215))).convert("RGB")
    return [picture.getpixel((round(x * 2 + 11.5), round(y * 2 + 11.5))) for x, y in points]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("svg", "inside", "outside"),
    [
        ('<rect fill="#f00" x="10" y="10" width="20" height="20" rx="8"/>', (20, 20), (10, 10)),
        ('<circle fill="#f00" cx="48" cy="48" r="20"/>', (60, 48), (64, 64)),
        ('<ellipse fill="#f00" cx="48" cy="48" rx="30" ry="10"/>', (72, 48), (48, 62)),
        ('<path fill="#f00" d="M10 10h20v20h-20z"/>', (20, 20), (40, 20)),
        ('<path fill="#f00" d="M10 48a38 38 0 0176 0z"/>', (48, 20), (48, 60)),
        ('<path fill="#f00" d="M10 10H80V80H10zM30 30v30h30v-30z"/>', (20, 20), (45, 45)),
        ('<path fill="none" stroke="#f00" stroke-width="8" d="M10 10C40 10 60 30 60 60"/>', (59, 48), (30, 48)),
        (
            '<g transform="rotate(90 48 48)"><rect fill="#f00" x="40" y="0" width="16" height="20"/></g>',
            (90, 48),
            (48, 8),
        ),
    ],
)
def test_a_shape_is_drawn_where_it_is_written(svg: str, inside: tuple[int, int], outside: tuple[int, int]) -> None:
    assert look(svg, inside, outside) == [RED, WHITE]


def test_what_is_written_later_lies_above() -> None:
    svg = '<rect fill="#f00" x="0" y="0" width="96" height="96"/><circle fill="#00f" cx="48" cy="48" r="9"/>'
    assert look(svg, (10, 10), (48, 48)) == [RED, BLUE]


def test_every_kind_of_the_demo_has_a_shape_of_its_own() -> None:
    codes = {str(code) for _, code, *_ in _read_kinds()}
    assert codes
    named = (SHAPES / "shapes.txt").read_text().split()
    assert codes <= set(named)


def test_a_tone_makes_another_picture_of_one_shape() -> None:
    assert draw_kind("STK").sha256 != draw_kind("BRZ").sha256
    assert draw_kind("???").sha256 == draw_kind("!!!").sha256
