"""QR codes for printed documents, drawn as one path."""

import re
from dataclasses import dataclass

import segno

# Scanners need this many light modules around a code.
QUIET_MODULES = 4
# The code itself says which of the eight masks is used, and every reader accepts any of them. Trying all of them for
# the best pattern takes four times as long as making the code.
MASK = 0
_DARK = re.compile(rb"\x01+")


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code as one SVG path of its dark modules. `size` is in modules, including the quiet zone."""

    size: int
    path: str


def draw_qr(text: str, *, quiet: int = QUIET_MODULES) -> QrCode:
    """Return the QR code of a text with `quiet` light modules around it; a document's margin allows fewer."""
    rows = [bytes(row) for row in segno.make_qr(text, error="m", mask=MASK).matrix_iter(border=quiet)]
    return QrCode(len(rows), "".join(_draw_row(y, row) for y, row in enumerate(rows)))


def _draw_row(y: int, row: bytes) -> str:
    """Return one rectangle for each run of dark modules."""
    runs = [run.span() for run in _DARK.finditer(row)]
    return "".join(f"M{start} {y}h{end - start}v1h{start - end}z" for start, end in runs)
