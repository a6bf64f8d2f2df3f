"""A head that does not end is refused, and a connection on which none comes is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from web.bounded_http import LONGEST_HEAD, BoundedHttp
from web.whole_requests import IS_WHOLE

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


WHOLE: list[bool] = []


async def answer_length(scope, receive, send) -> None:
    """Answers with how long the body was, and notes whether it was there at once."""
    WHOLE.append(IS_WHOLE in scope)
    length, more = 0, scope["type"] == "http"
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
    await send({"type": "http.response.body", "body": b"%06d" % length})


@asynccontextmanager
async def connected(http: type[BoundedHttp] = BoundedHttp) -> AsyncIterator[Connection]:
    """A connection to a server with this protocol."""
    config = uvicorn.Config(answer_length, http=http, ws="none", lifespan="off", log_config=None, port=0)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        await server.shutdown()


async def read_status(reader: asyncio.StreamReader) -> int:
    return int((await reader.readline()).split()[1])


@pytest.mark.parametrize(
    "start",
    [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 10_900 + b"X: "],
    ids=["address", "header", "headers"],
)
async def test_a_head_larger_than_64_kb_is_refused(start: bytes) -> None:
    async with connected() as (reader, writer):
        writer.write(start + b"a" * (LONGEST_HEAD + 1 - len(start)))
        assert await read_status(reader) == 431
        assert b"head_too_large" in await reader.read()


async def test_headers_after_a_body_are_bounded_too() -> None:
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n")
        # As much as may come in one piece with the body is not looked at.
        writer.write(b"X: " + b"a" * 10 * LONGEST_HEAD)
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_body_may_be_as_large_as_the_app_wants_and_another_request_follows() -> None:
    async with connected() as (reader, writer):
        for length in (300_000, 70_000):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length + b"a" * length)
            assert (await reader.readuntil(b"%06d" % length)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", b"GET / HT"], ids=["nothing", "a beginning"])
async def test_a_connection_on_which_no_head_comes_is_closed(sent: bytes) -> None:
    class Impatient(BoundedHttp):
        head_seconds = 0.01

    async with connected(Impatient) as (reader, writer):
        writer.write(sent)
        assert await reader.read() == b""


async def test_a_beginning_after_a_whole_request_is_not_waited_for_either() -> None:
    class Impatient(BoundedHttp):
        head_seconds = 0.01

    async with connected(Impatient) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"000000")
        writer.write(b"GET /")
        assert await reader.read() == b""


async def test_a_web_socket_is_answered_as_any_request() -> None:
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert await read_status(reader) == 200


async def test_a_request_is_called_whole_when_nothing_of_it_is_missing() -> None:
    WHOLE.clear()
    async with connected() as (reader, writer):
        for pieces in ([b"Content-Length: 3\r\n\r\nabc"], [b"Content-Length: 3\r\n\r\na", b"bc"], [b"\r\n"]):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + pieces[0])
            while len(pieces) == 2 and len(WHOLE) < 2:  # noqa: ASYNC110 - until the app has begun
                await asyncio.sleep(0.001)
            writer.write(b"".join(pieces[1:]))
            await reader.readuntil(b"00%04d" % (3 if b"3" in pieces[0] else 0))
    assert WHOLE == [True, False, True]
