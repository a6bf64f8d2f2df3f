"""Reads the QR codes of our papers as a phone does, by ISO/IEC 18004: from the dark modules to the text.

It mends nothing, so a single wrong module shows. It knows versions 1 to 6, bytes and letters.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream
from segno import consts

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_MASKS: tuple[Callable[[int, int], int], ...] = (
    lambda y, x: (y + x) % 2,
    lambda y, _: y % 2,
    lambda _, x: x % 3,
    lambda y, x: (y + x) % 3,
    lambda y, x: (y // 2 + x // 3) % 2,
    lambda y, x: y * x % 2 + y * x % 3,
    lambda y, x: (y * x % 2 + y * x % 3) % 2,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2,
)
# The format is written around the upper left corner, from its first bit to its last, and laid over with this.
_FORMAT = [*((8, x) for x in (0, 1, 2, 3, 4, 5, 7, 8)), *((y, 8) for y in (7, 5, 4, 3, 2, 1, 0))]
_FORMAT_MASK = 0b101010000010010
_LEVELS = {1: consts.ERROR_LEVEL_L, 0: consts.ERROR_LEVEL_M, 3: consts.ERROR_LEVEL_Q, 2: consts.ERROR_LEVEL_H}


def read_qr_of_paper(pdf: bytes) -> str:
    """The text of the one QR code on the first page of a PDF: the rectangles that begin and end at whole modules."""
    reader = PdfReader(BytesIO(pdf))
    corners: list[tuple[float, float]] = []
    dark: set[tuple[int, int]] = set()
    page: Any = reader.pages[0]
    content: Any = ContentStream(page["/Contents"], reader)
    for operands, operator in content.operations:
        if operator in (b"m", b"l"):
            corners = [*(corners if operator == b"l" else []), (float(operands[0]), float(operands[1]))]
        elif (
            operator == b"h" and len(corners) == 4 and all(value.is_integer() for corner in corners for value in corner)
        ):
            (left, top), (right, bottom) = corners[0], corners[2]
            dark |= {(y, x) for y in range(int(top), int(bottom)) for x in range(int(left), int(right))}
    return read_qr(dark)


def read_qr(dark: set[tuple[int, int]]) -> str:
    """The text of a code whose dark modules these are, as (row, column)."""
    top, left = min(y for y, _ in dark), min(x for _, x in dark)
    dark = {(y - top, x - left) for y, x in dark}
    size = 1 + max(x for _, x in dark)
    version, rest = divmod(size - 17, 4)
    assert rest == 0
    assert 1 <= version <= 6
    written = _number([place in dark for place in _FORMAT]) ^ _FORMAT_MASK
    mask = _MASKS[written >> 10 & 7]
    bits = [((y, x) in dark) ^ (mask(y, x) == 0) for y, x in _walk(size)]
    words = [_number(bits[at : at + 8]) for at in range(0, len(bits) - 7, 8)]
    levels: Any = consts.ECC[version]
    lengths = [kind.num_data for kind in levels[_LEVELS[written >> 13]] for _ in range(kind.num_blocks)]
    return _read_text(_join_blocks(words, lengths))


def _number(bits: list[bool]) -> int:
    return int("".join(str(int(bit)) for bit in bits), 2)


def _walk(size: int) -> Iterator[tuple[int, int]]:
    """The modules that hold data, in their order: two columns at a time, up and down in turns, from the right."""
    for turn, right in enumerate(x for x in range(size - 1, 0, -1) if (x % 2 == 0) == (x > 6) and x != 6):
        for y in range(size) if turn % 2 else reversed(range(size)):
            yield from ((y, x) for x in (right, right - 1) if not _is_fixed(y, x, size))


def _is_fixed(y: int, x: int, size: int) -> bool:
    """Whether a module belongs to the corners with the format, the timing, or the alignment pattern."""
    corner = (y < 9 and (x < 9 or x >= size - 8)) or (x < 9 and y >= size - 8)
    alignment = size > 21 and size - 9 <= y < size - 4 and size - 9 <= x < size - 4
    return corner or alignment or y == 6 or x == 6


def _join_blocks(words: list[int], lengths: list[int]) -> list[int]:
    """The data of all blocks, one after the other: their words lie in turns, the longer blocks' last ones behind."""
    blocks: list[list[int]] = [[] for _ in lengths]
    order = (number for place in range(max(lengths)) for number, length in enumerate(lengths) if place < length)
    for number, word in zip(order, words, strict=False):
        blocks[number].append(word)
    return [word for block in blocks for word in block]


def _read_text(words: list[int]) -> str:
    bits = "".join(f"{word:08b}" for word in words)
    mode, bits = bits[:4], bits[4:]
    if mode == "0100":
        count, bits = int(bits[:8], 2), bits[8:]
        return bytes(int(bits[at * 8 : at * 8 + 8], 2) for at in range(count)).decode()
    assert mode == "0010"
    count, bits = int(bits[:9], 2), bits[9:]
    pairs = [divmod(int(bits[at * 11 : at * 11 + 11], 2), 45) for at in range(count // 2)]
    text = "".join(_LETTERS[first] + _LETTERS[second] for first, second in pairs)
    return text + (_LETTERS[int(bits[count // 2 * 11 :][:6], 2)] if count % 2 else "")
