"""PDFs from outside: kept as they came, so one that would do something when it is opened is not taken.

What a reader would run is named in the document's objects. Those lie open, or packed in object streams, which are
unpacked to be looked through. Readers differ about where an object begins, so this does not follow the document's own
structure, which may lie: a name that no document has by chance counts wherever it stands, and whatever may be an object
stream is unpacked.
"""

import re
import zlib
from collections.abc import Iterator

# Names that make a reader run a script or a program, or unpack another file (ISO 32000-1, 12.6.4 and 7.11.4).
_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA)(?![A-Za-z0-9])")
# Those too long to turn up in packed pictures by chance; a script without the first is an action of the last.
_ANYWHERE = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia|Rendition)(?![A-Za-z0-9])")
# Names may be written with any letter as its hex code.
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream(?:\r\n|\n|\r)")
_STREAM_END = b"endstream"
_PACKED = "/ObjStm"
# An object stream holds some hundred small objects; more than this is no document that somebody made.
MOST_UNPACKED = 32_000_000


def find_active_name(data: bytes) -> str | None:
    """The name in a PDF of what its reader would run or unpack; None for a document that only shows something.

    One that can't be unpacked counts as `/ObjStm`. Takes up to a second: call it in a thread.
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
    """What lies between the streams of a PDF."""
    at = 0
    while (begins := _STREAM.search(data, at)) is not None:
        yield data[at : begins.start()]
        end = data.find(_STREAM_END, begins.end())
        at = len(data) if end < 0 else end + len(_STREAM_END)
    yield data[at:]


def _list_object_streams(data: bytes) -> Iterator[bytes | None]:
    """What follows each word that may begin an object stream, also where it stands in a text or in another stream.

    None for one that is packed by more than a plain filter, which could spell its names in any way.
    """
    at = 0
    for begins in _STREAM.finditer(data):
        head = _spell_out(data[at : begins.start()])
        at = begins.end()
        if b"/ObjStm" in head:
            yield None if b"/DecodeParms" in head or b"/DP" in head else data[at:]


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
    # A stream cut short is one that other readers may go on with.
    return unpacked if unpacker.eof else None
