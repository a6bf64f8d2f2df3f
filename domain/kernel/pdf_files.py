"""PDFs from outside: kept as they came, so one that would do something when it is opened is not taken.

What a reader would run is named in the document's objects. Those lie open, or packed in object streams, which are
unpacked to be looked through; pages and pictures are not, for nothing in them is run.
"""

import re
import zlib
from collections.abc import Iterator

# Names that make a reader run a script or a program, or unpack another file (ISO 32000-1, 12.6.4 and 7.11.4).
_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA)(?![A-Za-z0-9])")
# Names may be written with any letter as its hex code.
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream\r?\n")
_STREAM_END = b"endstream"
_LONGEST_HEAD = 4096
# An object stream holds some hundred small objects; more than this is no document that somebody made.
MOST_UNPACKED = 32_000_000


def find_active_name(data: bytes) -> str | None:
    """The name in a PDF of what its reader would run or unpack; None for a document that only shows something.

    One that can't be unpacked counts as `/ObjStm`. Takes up to a second: call it in a thread.
    """
    left = MOST_UNPACKED
    for part, is_packed in _list_objects(data):
        text = part
        if is_packed:
            unpacked = _unpack(part, left)
            if unpacked is None:
                return "/ObjStm"
            text, left = unpacked, left - len(unpacked)
        found = _ACTIVE.search(_HEX.sub(lambda code: bytes([int(code[1], 16)]), text))
        if found is not None:
            return found[0].decode()
    return None


def _list_objects(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """What lies between the streams of a PDF, and its object streams, which are packed."""
    at = 0
    while (begins := _STREAM.search(data, at)) is not None:
        head = data[at : begins.start()]
        yield head, False
        end = data.find(_STREAM_END, begins.end())
        at = len(data) if end < 0 else end + len(_STREAM_END)
        if b"/ObjStm" in head[-_LONGEST_HEAD:]:
            yield data[begins.end() : end if end >= 0 else len(data)], True
    yield data[at:], False


def _unpack(packed: bytes, most: int) -> bytes | None:
    """The objects of a stream, or None when they can't be read or are more than `most` bytes."""
    if most <= 0:
        # To zlib a bound of nothing would mean none.
        return None
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, most)
    except zlib.error:
        return None
    return None if unpacker.unconsumed_tail else unpacked
