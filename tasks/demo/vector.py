"""Renders the demo's vector shapes as pixels: only the part of SVG that they use, without another library.

Paths (M L H V C S A Z in both cases), circles, ellipses, rectangles with round corners, rotated groups; one fill and
one stroke per shape. Everything is drawn three times as large and scaled down, which smooths the edges.
"""

import math
import re
from collections.abc import Iterator
from io import BytesIO
from xml.etree import ElementTree as ET

from PIL import Image, ImageDraw

Point = tuple[float, float]
Line = list[Point]
Matrix = tuple[float, float, float, float, float, float]

VIEW = 96
FINER = 3
STEPS = 16
_TOKEN = re.compile(r"[MLHVCSAZ]|-?(?:\d+\.?\d*|\.\d+)", re.IGNORECASE)
_TURN = re.compile(r"rotate\((-?[\d.]+)[ ,]+(-?[\d.]+)[ ,]+(-?[\d.]+)\)")
_ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "A": 7, "Z": 0}


def draw_shape(svg: str, side: int) -> bytes:
    """Return the shape as a PNG of `side` pixels on white, with a small margin."""
    size = side * FINER
    scale = size / (VIEW * 1.12)
    room = (size - VIEW * scale) / 2
    picture = Image.new("RGB", (size, size), "#ffffff")
    root = ET.fromstring(svg)  # noqa: S314 - our own files
    _draw(ImageDraw.Draw(picture), root, (scale, 0, 0, scale, room, room), {})
    kept = BytesIO()
    picture.reduce(FINER).save(kept, "PNG")
    return kept.getvalue()


def _draw(draw: ImageDraw.ImageDraw, element: ET.Element, matrix: Matrix, above: dict[str, str]) -> None:
    style = above | {name: value for name, value in element.attrib.items() if name.startswith(("fill", "stroke"))}
    if turn := _TURN.fullmatch(element.get("transform", "")):
        matrix = _multiply(matrix, _rotate(*(float(number) for number in turn.groups())))
    lines = [[_apply(matrix, point) for point in line] for line in _lines_of(element)]
    if lines:
        _paint(draw, lines, style, math.hypot(matrix[0], matrix[1]))
    for child in element:
        _draw(draw, child, matrix, style)


def _paint(draw: ImageDraw.ImageDraw, lines: list[Line], style: dict[str, str], scale: float) -> None:
    fill = style.get("fill", "#000000")
    if fill != "none":
        _fill(draw, lines, fill)
    if (stroke := style.get("stroke", "none")) == "none":
        return
    width = float(style.get("stroke-width", 1)) * scale
    for line in lines:
        draw.line(line, fill=stroke, width=round(width))
        is_round = style.get("stroke-linecap") == "round"
        for x, y in line if is_round else line[1:-1]:
            if width > FINER:
                draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=stroke)


def _fill(draw: ImageDraw.ImageDraw, lines: list[Line], colour: str) -> None:
    """Fill by the winding of the lines: one within the others that runs in the opposite direction is a hole."""
    if len(lines) == 1:
        draw.polygon(lines[0], fill=colour)
        return
    areas = [_area(line) for line in lines]
    outward = math.copysign(1, max(areas, key=abs))
    solid = [line for line, area in zip(lines, areas, strict=True) if area * outward >= 0]
    holes = [line for line, area in zip(lines, areas, strict=True) if area * outward < 0]
    if not holes:
        for line in solid:
            draw.polygon(line, fill=colour)
        return
    mask = Image.new("1", draw.im.size)
    stencil = ImageDraw.Draw(mask)
    for line in solid:
        stencil.polygon(line, fill=1)
    for line in holes:
        stencil.polygon(line, fill=0)
    draw.bitmap((0, 0), mask, fill=colour)


def _area(line: Line) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(line, line[1:] + line[:1], strict=True)) / 2


def _lines_of(element: ET.Element) -> list[Line]:
    kind = element.tag.rpartition("}")[2]
    if kind == "path":
        return list(_read_path(element.get("d", "")))
    if kind in {"circle", "ellipse"}:
        rx = float(element.get("r") or element.get("rx") or 0)
        ry = float(element.get("r") or element.get("ry") or 0)
        middle = (float(element.get("cx", 0)), float(element.get("cy", 0)))
        return [_round(middle, (rx, ry), 0, math.tau, STEPS * 4)]
    if kind == "rect":
        return [_rectangle(*(float(element.get(name, 0)) for name in ("x", "y", "width", "height", "rx")))]
    return []


def _rectangle(x: float, y: float, width: float, height: float, radius: float) -> Line:
    radius = min(radius, width / 2, height / 2)
    if not radius:
        return [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    right, bottom, quarter = x + width - radius, y + height - radius, math.tau / 4
    line: Line = []
    corners = ((right, bottom), (x + radius, bottom), (x + radius, y + radius), (right, y + radius))
    for number, middle in enumerate(corners):
        line += _round(middle, (radius, radius), number * quarter, (number + 1) * quarter)
    return [*line, line[0]]


def _round(middle: Point, radii: Point, start: float, end: float, steps: int = STEPS) -> Line:
    angles = (start + (end - start) * step / steps for step in range(steps + 1))
    return [(middle[0] + radii[0] * math.cos(angle), middle[1] + radii[1] * math.sin(angle)) for angle in angles]


def _read_path(text: str) -> Iterator[Line]:
    """Yield the lines of a path, with curves as many short ones."""
    tokens = _TOKEN.findall(_part_flags(text))
    line: Line = []
    at: Point = (0, 0)
    pull: Point | None = None
    command, place = "M", 0
    while place < len(tokens):
        if tokens[place].isalpha():
            command = tokens[place]
            place += 1
        count = _ARGUMENTS[command.upper()]
        numbers = [float(token) for token in tokens[place : place + count]]
        place += count
        if command in "Zz":
            at, pull = line[0], None
            line.append(at)
            continue
        if command in "Mm":
            if len(line) > 1:
                yield line
            at = (numbers[0] + at[0], numbers[1] + at[1]) if command == "m" else (numbers[0], numbers[1])
            line, pull = [at], None
            command = "l" if command == "m" else "L"
            continue
        at, pull = _go_on(line, at, pull, command, numbers)
    if len(line) > 1:
        yield line


def _part_flags(text: str) -> str:
    """Separate the flags of an arc, which may be followed by the next number without a space."""
    number = r"[ ,]*(-?(?:\d+\.?\d*|\.\d+))"
    arc = re.compile(rf"{number}{number}{number}[ ,]*([01])[ ,]*([01]){number}{number}")

    def part(found: re.Match[str]) -> str:
        return found[1] + arc.sub(lambda numbers: " " + " ".join(numbers.groups()), found[2])

    return re.sub(r"([Aa])([^A-Za-z]+)", part, text)


def _go_on(line: Line, at: Point, pull: Point | None, command: str, numbers: list[float]) -> tuple[Point, Point | None]:
    """Add the points of one command to the line; return the new position, and the control point for a smooth curve."""
    x, y = at if command.islower() else (0.0, 0.0)
    kind = command.upper()
    if kind in "LHV":
        end = {
            "L": lambda: (x + numbers[0], y + numbers[1]),
            "H": lambda: (x + numbers[0], at[1]),
            "V": lambda: (at[0], y + numbers[0]),
        }[kind]()
        line.append(end)
        return end, None
    if kind == "A":
        end = (x + numbers[5], y + numbers[6])
        line += _arc(at, end, numbers)
        return end, None
    pairs = [(x + numbers[n], y + numbers[n + 1]) for n in range(0, len(numbers), 2)]
    first = pairs[0] if kind == "C" else (2 * at[0] - pull[0], 2 * at[1] - pull[1]) if pull else at
    second, end = pairs[-2], pairs[-1]
    for step in range(1, STEPS + 1):
        t, u = step / STEPS, 1 - step / STEPS
        weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
        points = (at, first, second, end)
        line.append(
            (
                sum(w * p[0] for w, p in zip(weights, points, strict=True)),
                sum(w * p[1] for w, p in zip(weights, points, strict=True)),
            )
        )
    return end, second


def _arc(start: Point, end: Point, numbers: list[float]) -> Line:
    """Return an elliptical arc between two points, by the conversion to centre and angles in the appendix of SVG."""
    rx, ry, turned, large, sweep = numbers[0], numbers[1], math.radians(numbers[2]), numbers[3], numbers[4]
    cos, sin = math.cos(turned), math.sin(turned)
    dx, dy = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    x, y = cos * dx + sin * dy, cos * dy - sin * dx
    short = max(1.0, math.sqrt((x / rx) ** 2 + (y / ry) ** 2))
    rx, ry = rx * short, ry * short
    square = max(0.0, (rx * ry) ** 2 / ((rx * y) ** 2 + (ry * x) ** 2) - 1) if (x or y) else 0.0
    root = math.sqrt(square) * (-1 if large == sweep else 1)
    cx, cy = root * rx * y / ry, -root * ry * x / rx
    middle = (cos * cx - sin * cy + (start[0] + end[0]) / 2, sin * cx + cos * cy + (start[1] + end[1]) / 2)
    first = math.atan2((y - cy) / ry, (x - cx) / rx)
    last = math.atan2((-y - cy) / ry, (-x - cx) / rx)
    if sweep and last < first:
        last += math.tau
    if not sweep and last > first:
        last -= math.tau
    turn = (cos, sin, -sin, cos, *middle)
    return [_apply(turn, point) for point in _round((0, 0), (rx, ry), first, last)[1:]]


def _rotate(degrees: float, x: float, y: float) -> Matrix:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y)


def _multiply(outer: Matrix, inner: Matrix) -> Matrix:
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * m + e, b * k + d * m + f)


def _apply(matrix: Matrix, point: Point) -> Point:
    a, b, c, d, e, f = matrix
    return (a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f)
