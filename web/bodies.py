"""The maximum size of a request's body: 1 MB, or the value of the route's `@body_limit`; above it the answer is 413.

Files may use all of it. What is processed in one step rather than while it arrives, such as the fields of a form and
the headers of its parts, has lower limits: it would block all other requests.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast
from urllib.parse import parse_qsl

from quart import Quart, Request
from quart.formparser import FormDataParser, MultiPartParser
from quart.wrappers.request import Body
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from domain.kernel.errors import TooLarge, UnsupportedType
from web.reading import MEGABYTE
from web.request import this_app, this_request

MOST_FIELDS = 10_000
# How much of a multipart body may be buffered until its end is found: the headers of a part, or the preamble.
LONGEST_HEAD = 65_536
_SLICE = LONGEST_HEAD // 2
_URLENCODED = {"application/x-www-form-urlencoded", "application/x-url-encoded"}

Form = tuple[MultiDict[str, Any], MultiDict[str, Any]]


class BoundedBody(Body):
    """A body whose limit is known only once its route is; part of it may have arrived or be read by then."""

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(expected_content_length, max_content_length)
        self._received = 0

    def bound(self, limit: int) -> None:
        """Accept at most `limit` bytes."""
        self._max_content_length = limit
        self._check_received()

    def append(self, data: bytes) -> None:
        """Accept data that arrived; Quart's method drops what was read while it arrived."""
        super().append(data)
        self._received += len(data)
        self._check_received()

    def _check_received(self) -> None:
        if self._max_content_length is not None and self._received > self._max_content_length:
            self._must_raise = RequestEntityTooLarge()
            self.set_complete()


async def _slice(body: Body) -> AsyncIterator[bytes]:
    """Yield the body in small chunks, between which other tasks run."""
    async for data in body:
        for start in range(0, len(data), _SLICE):
            yield data[start : start + _SLICE]
            await asyncio.sleep(0)


async def _read_fields(
    _forms: FormDataParser, body: Body, _mimetype: str, _length: int | None, _options: dict[str, str]
) -> Form:
    text = (await body).decode()
    if text.count("&") >= MOST_FIELDS:
        raise RequestEntityTooLarge
    return MultiDict(parse_qsl(text, keep_blank_values=True)), MultiDict()


async def _read_parts(
    forms: FormDataParser, body: Body, _mimetype: str, length: int | None, options: dict[str, str]
) -> Form:
    parser = MultiPartParser(
        max_content_length=LONGEST_HEAD,
        max_form_memory_size=forms.max_form_memory_size,
        max_form_parts=forms.max_form_parts,
    )
    boundary = options.get("boundary", "").encode("ascii")
    if not boundary:
        raise ValueError("Missing boundary")  # which Quart reads as a form without fields
    return await parser.parse(cast(Body, _slice(body)), boundary, length or 0)


class BoundedForms(FormDataParser):
    """Quart's form parser with a limit on what is processed in one step."""

    parse_functions = {"multipart/form-data": _read_parts} | dict.fromkeys(_URLENCODED, _read_fields)


class BoundedRequest(Request):
    """A request with a bounded body and bounded forms."""

    body_class = BoundedBody
    form_data_parser_class = BoundedForms
    body: BoundedBody


async def bound_body() -> None:
    """Set the limit of the route on the body before the handler reads it; a compressed body is 415."""
    asked = cast(BoundedRequest, this_request())
    if asked.headers.get("Content-Encoding", "identity").strip().lower() not in {"identity", ""}:
        raise UnsupportedType("Send the body as it is, without Content-Encoding.")
    view = this_app().view_functions.get(asked.endpoint or "")
    limit: int = getattr(view, "body_limit", MEGABYTE)
    if asked.mimetype in _URLENCODED:
        limit = min(limit, MEGABYTE)
    asked.max_content_length = limit
    asked.body.bound(limit)
    if (asked.content_length or 0) > limit:
        raise TooLarge(f"The request is larger than the {limit // MEGABYTE} MB that this URL accepts.")


def register_body_limits(app: Quart, *, largest: int) -> None:
    """Limit all bodies; `largest`, in megabytes, is the highest limit that a route may have."""
    app.request_class = BoundedRequest
    app.config["MAX_CONTENT_LENGTH"] = largest * MEGABYTE
    app.before_request(bound_body)
