"""Files to download, finished or made while they are sent.

An error at the start of a streamed file decides its status before the first byte is sent.
"""

from collections.abc import AsyncIterator

from quart import Response

from domain.kernel.copied_sheets import LastPiece

CSV = "text/csv; charset=utf-8"
# How many chunks are made before the answer begins: the heading of a CSV file, and its first rows.
_FIRST_PIECES = 2


def answer_file(data: bytes, filename: str, *, content_type: str = CSV) -> Response:
    """Return a finished file as a download."""
    response = Response(data, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


async def stream_file(pieces: AsyncIterator[bytes], filename: str, *, content_type: str = CSV) -> Response:
    """Return a download whose first chunks are made before it starts, so that a lost database is 503.

    A file that is complete then is sent as one answer, which takes less than a stream.
    """
    first = [piece async for piece in _take(pieces, _FIRST_PIECES)]
    made = b"".join(first)
    if len(first) < _FIRST_PIECES or isinstance(first[-1], LastPiece):
        return answer_file(made, filename, content_type=content_type)

    async def everything() -> AsyncIterator[bytes]:
        yield made
        async for piece in pieces:
            yield piece

    response = Response(everything(), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.timeout = None
    return response


async def _take(pieces: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        try:
            yield await anext(pieces)
        except StopAsyncIteration:
            return
