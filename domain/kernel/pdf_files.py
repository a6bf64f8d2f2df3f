"""Checks uploaded PDFs, which are stored unchanged: one with active content is refused.

A document's objects name what a reader would run. The objects are plain, or compressed in object streams, which are
decompressed for the search. Readers differ about where an object begins, so this does not follow the document's own
structure, which may be false: a name that never occurs by chance counts anywhere, and whatever may be an object stream
is decompressed.
"""

import re
import zlib
from collections.abc import Iterator

# Names that make a reader run a script or a program, or extract another file (ISO 32000-1, 12.6.4 and 7.11.4).
_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA)(?![A-Za-z0-9])")
# Those too long to occur in compressed images by chance. A script without the first name is an action with the last.
_ANYWHERE = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia|Rendition)(?![A-Za-z0-9])")
# In a name, any character may be written as its hex code.
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream(?:\r\n|\n|\r)")
_STREAM_END = b"endstream"
_PACKED = "/ObjStm"
# An object stream holds a few hundred small objects; no real document has more than this.
MOST_UNPACKED = 32_000_000


def find_active_name(data: bytes) -> str | None:
    """Return the first name in a PDF that makes a reader run or extract something; None for a passive document.

    An object stream that can't be decompressed counts as `/ObjStm`. Takes up to a second: call it in a thread.
    """
    if (found := _ANYWHERE.search(_spell_out(data))) is not None:
        return found[0].decode()
    for text in _list_open_objects(data):
        if (found := _ACTIVE.search(_spell_out(text))) is not None:
            return found[0].decode()
    left = MOST_UNPACKED
    for packed in _list_object_streams(data):
        unpacked = None if packed is None else _unpack(packed, left)
        if unpacked is None:
            return _PACKED
        if (found := _ACTIVE.search(_spell_out(unpacked))) is not None:
            return found[0].decode()
        left -= len(unpacked)
    return None


def _spell_out(text: bytes) -> bytes:
    return _HEX.sub(lambda code: bytes([int(code[1], 16)]), text)


def _list_open_objects(data: bytes) -> Iterator[bytes]:
    """Return the parts of a PDF between its streams."""
    at = 0
    while (begins := _STREAM.search(data, at)) is not None:
        yield data[at : begins.start()]
        end = data.find(_STREAM_END, begins.end())
        at = len(data) if end < 0 else end + len(_STREAM_END)
    yield data[at:]


def _list_object_streams(data: bytes) -> Iterator[bytes | None]:
    """Return the data after each keyword that may begin an object stream, also within text or within another stream.

    None stands for one with filter parameters, which could encode its names in any way.
    """
    at = 0
    for begins in _STREAM.finditer(data):
        head = _spell_out(data[at : begins.start()])
        at = begins.end()
        if b"/ObjStm" in head:
            yield None if b"/DecodeParms" in head or b"/DP" in head else data[at:]


def _unpack(packed: bytes, most: int) -> bytes | None:
    """Return the objects of a stream; None if they can't be read or have more than `most` bytes."""
    if most <= 0:
        # For zlib, a limit of 0 means no limit.
        return None
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, most)
    except zlib.error:
        return None
    # Other readers may continue to read a truncated stream.
    return unpacked if unpacker.eof else None
