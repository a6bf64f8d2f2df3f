"""Files to download, finished or made while they are sent.

An error at the start of a streamed file decides its status before the first byte is sent.
"""

from collections.abc import AsyncIterator

from quart import Response

CSV = "text/csv; charset=utf-8"
# How many chunks are made before the answer begins: the heading of a CSV file, and its first rows.
_FIRST_PIECES = 2


def answer_file(data: bytes, filename: str, *, content_type: str = CSV) -> Response:
    """Return a finished file as a download."""
    response = Response(data, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


async def stream_file(pieces: AsyncIterator[bytes], filename: str, *, content_type: str = CSV) -> Response:
    """Return a download whose first chunks are made before it starts, so that a lost database is 503."""
    first = [piece async for piece in _take(pieces, _FIRST_PIECES)]

    async def everything() -> AsyncIterator[bytes]:
        for piece in first:
            yield piece
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
