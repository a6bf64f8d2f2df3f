"""A request that came as a whole is answered as any other, with fewer tasks; a caller who leaves ends a stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from quart import Response, request

from web.shielded import ShieldedQuart
from web.whole_requests import IS_WHOLE

MADE: list[bytes] = []


@pytest.fixture
def small_app() -> ShieldedQuart:
    """An app with an answer that is ready, one that is streamed, and one that never ends."""
    app = ShieldedQuart("small")
    MADE.clear()

    @app.post("/ready")
    async def ready() -> Response:
        return Response(await request.get_data(), 201, {"X-Some": "thing"})

    @app.get("/streamed")
    async def streamed() -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one "
            yield b"two"

        return Response(pieces())

    @app.get("/endless")
    async def endless() -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    MADE.append(b"piece")
                    yield b"piece"
                    await asyncio.sleep(0)
            finally:
                MADE.append(b"end")

        return Response(pieces())

    return app


async def ask(app: ShieldedQuart, method: str, path: str, *, whole: bool, body: bytes = b"") -> list[dict[str, Any]]:
    """Send one request as a server does; returns what the app sent. The caller leaves after five messages."""
    scope: Any = {
        "type": "http", "method": method, "scheme": "http", "path": path, "query_string": b"", "root_path": "",
        "headers": [(b"host", b"a"), (b"content-length", str(len(body)).encode())], "http_version": "1.1",
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 80), "extensions": {},
    }  # fmt: skip
    if whole:
        scope[IS_WHOLE] = True
    sent: list[dict[str, Any]] = []
    left = asyncio.Event()
    coming: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if coming:
            return coming.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 5:
            left.set()

    await app(scope, receive, send)
    return sent


def joined(sent: list[dict[str, Any]]) -> tuple[Any, Any, bytes, bool]:
    """Status, headers, body, and whether the last piece said that it is the last."""
    body = b"".join(message["body"] for message in sent[1:])
    return sent[0]["status"], sent[0]["headers"], body, not sent[-1]["more_body"]


async def test_whole_or_not_the_answer_is_the_same(small_app: ShieldedQuart) -> None:
    for method, path, body in (("POST", "/ready", b"a body"), ("GET", "/streamed", b""), ("GET", "/nowhere", b"")):
        answers = [joined(await ask(small_app, method, path, whole=whole, body=body)) for whole in (False, True)]
        assert answers[0] == answers[1]
    assert joined(await ask(small_app, "POST", "/ready", whole=True, body=b"x"))[2:] == (b"x", True)
    assert len(await ask(small_app, "POST", "/ready", whole=True, body=b"x")) == 2
    assert joined(await ask(small_app, "GET", "/streamed", whole=True))[2:] == (b"one two", True)


async def test_a_stream_ends_when_its_caller_leaves(small_app: ShieldedQuart) -> None:
    async with asyncio.timeout(10):
        sent = await ask(small_app, "GET", "/endless", whole=True)
    assert sent[0]["status"] == 200
    assert MADE[-1] == b"end"


async def test_who_has_left_before_is_not_handled(small_app: ShieldedQuart) -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        raise AssertionError

    scope: Any = {"type": "http", IS_WHOLE: True}
    await small_app(scope, gone, send)
