"""Files to download, ready or made while they are sent.

What can go wrong at the start of one that is streamed decides its status before the first byte.
"""

from collections.abc import AsyncIterator

from quart import Response

CSV = "text/csv; charset=utf-8"
# How many pieces are made before the answer begins: the heading of a CSV file, and its first rows.
_FIRST_PIECES = 2


def answer_file(data: bytes, filename: str, *, content_type: str = CSV) -> Response:
    """A download that is ready."""
    response = Response(data, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


async def stream_file(pieces: AsyncIterator[bytes], filename: str, *, content_type: str = CSV) -> Response:
    """A download whose first pieces are there before it begins, so that a lost database is 503 and no empty file."""
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
