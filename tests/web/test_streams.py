"""A streamed file decides its status before its first byte."""

from collections.abc import AsyncIterator

import pytest

from domain.kernel.copied_sheets import LastPiece
from web.streams import stream_file
from web.whole_requests import read_ready


async def pieces(*made: bytes, fails: bool = False) -> AsyncIterator[bytes]:
    for piece in made:
        yield piece
    if fails:
        raise ConnectionError("The database is away.")


async def test_a_file_is_whole_however_few_pieces_it_has(app) -> None:
    async with app.test_request_context("/"):
        for made in ([], [b"a"], [b"a", b"b"], [b"a", b"b", b"c", b"d"]):
            response = await stream_file(pieces(*made), "a.csv")
            assert await response.get_data(as_text=False) == b"".join(made)


async def test_a_file_that_is_complete_at_the_start_is_sent_as_one(app) -> None:
    async with app.test_request_context("/"):
        for made, is_whole in (
            ([], True),
            ([b"a"], True),
            ([b"a", LastPiece(b"b")], True),
            ([b"a", b"b"], False),
            ([b"a", b"b", LastPiece(b"c")], False),
        ):
            response = await stream_file(pieces(*made), "a.csv")
            assert (read_ready(response) is not None) == is_whole
            assert response.headers["Content-Disposition"] == 'attachment; filename="a.csv"'
            assert await response.get_data(as_text=False) == b"".join(made)


async def test_what_fails_at_the_start_is_no_answer(app) -> None:
    async with app.test_request_context("/"):
        with pytest.raises(ConnectionError):
            await stream_file(pieces(b"heading", fails=True), "a.csv")
