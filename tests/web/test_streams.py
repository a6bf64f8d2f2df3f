"""A streamed file decides its status before its first byte."""

from collections.abc import AsyncIterator

import pytest

from web.streams import stream_file


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


async def test_what_fails_at_the_start_is_no_answer(app) -> None:
    async with app.test_request_context("/"):
        with pytest.raises(ConnectionError):
            await stream_file(pieces(b"heading", fails=True), "a.csv")
