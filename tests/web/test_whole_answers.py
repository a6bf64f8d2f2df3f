"""An answer that is written in one piece is the same as one that the server sends in its own way."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvicorn
from quart import Response

from web import whole_requests
from web.bounded_http import BoundedHttp
from web.shielded import ShieldedQuart
from web.whole_answers import write_whole


def without_length(response: Response) -> Response:
    """The answer without the header that says how long it is."""
    del response.headers["Content-Length"]
    return response


ANSWERS: dict[str, Callable[[], Response]] = {
    "/ready": lambda: Response(b'{"a": "\xc3\xa9"}', 201, {"X-Some": "thing", "Set-Cookie": "a=b"}),
    "/empty": lambda: Response(b"", 200),
    "/nothing": lambda: Response(b"", 204),
    "/same": lambda: Response(b"", 304, {"ETag": '"x"'}),
    "/unmeasured": lambda: without_length(Response(b"of some length")),
    "/ending": lambda: Response(b"bye", 200, {"Connection": "close"}),
}
# Those that the server sends in its own way, as it does all answers to HEAD.
USUAL = {"/nothing", "/same", "/unmeasured", "/ending"}
CLOSING = b"GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    """A server of the program's kind with an app that has each kind of answer."""
    app = ShieldedQuart("small")
    for path in tuple(ANSWERS):

        async def answer(path: str = path) -> Response:
            return ANSWERS[path]()

        app.add_url_rule(path, path, answer, methods=["GET"])
    config = uvicorn.Config(app, http=BoundedHttp, ws="none", lifespan="off", log_config=None, port=0, access_log=False)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server.servers[0].sockets[0].getsockname()
    await server.shutdown()


async def ask_all(address: tuple[str, int], *requests: bytes) -> bytes:
    """Send the requests at once over one connection; return all answers, without their dates."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"".join(requests) + CLOSING)
    async with asyncio.timeout(10):
        answers = await reader.read()
    writer.close()
    return b"\r\n".join(line for line in answers.split(b"\r\n") if not line.startswith(b"date: "))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ANSWERS)
async def test_it_is_byte_for_byte_the_usual_answer(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    written: list[bool] = []

    def note(*args) -> bool:
        written.append(write_whole(*args))
        return written[-1]

    monkeypatch.setattr(whole_requests, "write_whole", note)
    request = f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    at_once = await ask_all(address, request, request)
    is_whole = method == "GET" and path not in USUAL
    assert written == ([False] if path == "/ending" else [is_whole, is_whole, True])
    monkeypatch.setattr(whole_requests, "write_whole", lambda *_: False)
    assert await ask_all(address, request, request) == at_once
    assert at_once.startswith(b"HTTP/1.1 ")
    assert b"connection: close\r\n" in at_once


async def test_an_answer_to_an_old_client_says_that_the_connection_ends(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /ready HTTP/1.0\r\nHost: a\r\n\r\n")
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith('{"a": "é"}'.encode())


@pytest.mark.parametrize("headers", [{"X-Some": "a\x00b"}, {"Content-Length": "3"}])
async def test_an_answer_that_uvicorn_would_refuse_is_left_to_it(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    def make() -> Response:
        response = Response(b"of some length")
        response.headers.update(headers)
        return response

    monkeypatch.setitem(ANSWERS, "/ready", make)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(CLOSING)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert b"of some length" not in answer
