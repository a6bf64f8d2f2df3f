"""The headers of a request say what Werkzeug's own would say, however they are asked."""

import asyncio
from typing import Any

import pytest
from quart import Response, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequestKeyError

from web.read_headers import ReadHeaders
from web.shielded import ShieldedQuart
from web.whole_requests import IS_WHOLE

SENT = [
    ("Host", "a"),
    ("X-Forwarded-For", "1.1.1.1"),
    ("Cookie", "a=1"),
    ("X-Forwarded-For", "2.2.2.2"),
    ("Accept", ""),
]


def test_they_answer_as_werkzeugs_do() -> None:
    for sent in (SENT, SENT[:3]):  # once with a header that was sent twice
        check_headers(ReadHeaders(sent), Headers(sent))


def check_headers(ours: ReadHeaders, theirs: Any) -> None:
    for name in ("host", "HOST", "X-Forwarded-For", "accept", "Missing", ""):
        assert ours.get(name) == theirs.get(name)
        assert ours.get(name, "else") == theirs.get(name, "else")
        assert ours.getlist(name) == theirs.getlist(name)
        assert (name in ours) == (name in theirs)
        assert ours.get(name, "else", type=int) == theirs.get(name, "else", type=int)
        assert ours.getlist(name, type=int) == theirs.getlist(name, type=int)
    assert ours["cookie"] == theirs["cookie"]
    assert ours[1] == theirs[1]
    assert list(ours) == list(theirs)
    assert len(ours) == len(theirs)
    assert ours.get("Host", type=len) == 1
    with pytest.raises(BadRequestKeyError):
        ours["missing"]


def test_they_never_change() -> None:
    with pytest.raises(TypeError):
        ReadHeaders(SENT)["Host"] = "b"


@pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
async def test_a_whole_request_has_the_headers_and_the_address_of_any_other(version: str) -> None:
    app = ShieldedQuart("small")

    @app.get("/seen")
    async def seen() -> Response:
        heard = [*request.headers, ("address", request.remote_addr), ("host", request.host)]
        return Response(repr((heard, request.cookies.to_dict())))

    bodies = []
    for whole in ({}, {IS_WHOLE: True}):
        scope: Any = {
            "type": "http", "method": "GET", "scheme": "http", "path": "/seen", "query_string": b"", "root_path": "",
            "headers": [(b"host", b"shop.example"), (b"cookie", b"a=1; b=2"), (b"x-odd", b"caf\xe9")],
            "http_version": version, "client": ("10.0.0.7", 5), "server": ("127.0.0.1", 80), "extensions": {},
        } | whole  # fmt: skip
        body = bytearray()
        coming: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive(coming: list[Any] = coming) -> Any:
            return coming.pop() if coming else await asyncio.Event().wait()

        async def send(message: Any, body: bytearray = body) -> None:
            body.extend(message.get("body", b""))

        await app(scope, receive, send)
        bodies.append(bytes(body))
    assert bodies[0] == bodies[1] != b""
