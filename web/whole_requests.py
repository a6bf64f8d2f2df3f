"""A request that has arrived completely is handled in the task that the server created for it.

Quart creates two more, one to wait for the rest of the body and one to handle the request, and sends the answer in a
third. These are needed only while a body is still arriving, or an answer is streamed to a client that may disconnect.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, cast

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Request, Response
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import cancel_tasks, encode_headers, raise_task_exceptions
from quart.wrappers.response import DataBody

from web.read_headers import ReadHeaders
from web.whole_answers import write_whole

# What the server writes into the scope of a request that has arrived completely: its cycle, which writes the answer.
IS_WHOLE = "ladle.is_whole"


class WholeRequests(ASGIHTTPConnection):
    """Quart's connection for one request, without the tasks that would have nothing to wait for."""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Handle the request and send its answer."""
        if IS_WHOLE not in self.scope:
            await super().__call__(receive, send)
            return
        message = await receive()
        if message["type"] != "http.request":
            return  # The client has disconnected already.
        request = self._create_request_from_scope(send)
        request.body.append(message.get("body", b""))
        request.body.set_complete()
        request.body_timeout = None  # With a timeout, Quart would create a task to wait for the body.
        response = await self.app.handle_request(request)
        if isinstance(response, Response) and (body := read_ready(response)) is not None:
            if write_whole(cast("dict[str, Any]", self.scope)[IS_WHOLE], response, body):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self._most_seconds(response)):
                    await _send_ready(send, response, body)
        else:
            await self._stream(request, receive, send, response)

    def _create_request_from_scope(self, send: ASGISendCallable) -> Request:
        """Like Quart's method, with headers that are looked up by name; versions before HTTP/1.1 are left to that."""
        scope = self.scope
        if scope["http_version"] < "1.1" or scope.get("root_path") or not scope["path"].startswith("/"):
            return super()._create_request_from_scope(send)
        address = (scope.get("client") or ("<local>", None))[0]
        sent = ((name.decode("latin1").title(), value.decode("latin1")) for name, value in scope["headers"])
        return self.app.request_class(
            scope["method"],
            scope["scheme"],
            scope["path"],
            scope["query_string"],
            ReadHeaders((("Remote-Addr", address), *sent)),
            "",
            scope["http_version"],
            max_content_length=self.app.config["MAX_CONTENT_LENGTH"],
            body_timeout=self.app.config["BODY_TIMEOUT"],
            send_push_promise=partial(self._send_push_promise, send),
            scope=scope,
        )

    def _most_seconds(self, response: ResponseTypes) -> float | None:
        """Return the limit on the time for sending, as Quart interprets it."""
        own = response.timeout if isinstance(response, Response) else ...
        return cast("float | None", self.app.config["RESPONSE_TIMEOUT"] if own is ... else own)

    async def _stream(
        self, request: Request, receive: ASGIReceiveCallable, send: ASGISendCallable, response: ResponseTypes
    ) -> None:
        """Send the answer as it is made, until the client disconnects."""
        leaving = asyncio.ensure_future(self.handle_messages(request, receive))
        sending = asyncio.ensure_future(self._send_in_time(send, response))
        done, pending = await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        await cancel_tasks(pending)
        raise_task_exceptions(done)

    async def _send_in_time(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._send_response(send, response), timeout=self._most_seconds(response))


def read_ready(response: Response) -> bytes | None:
    """Return the body of an answer that is in memory; None for one that must be made or read."""
    body = response.response
    return body.data[body.begin : body.end] if isinstance(body, DataBody) else None


async def _send_ready(send: ASGISendCallable, response: Response, body: bytes) -> None:
    """Send an answer that is in memory, in a single message."""
    start: Any = {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": encode_headers(response.headers),
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})
