"""uvicorn's HTTP protocol with two limits that it lacks: on the size of a request's head, and on the time it may take.

A proxy has both. Without a proxy, a single caller could fill the memory, or use up all connections.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web.whole_requests import IS_WHOLE

LONGEST_HEAD = 65_536
_REFUSAL = b'{"error":"The head of the request is larger than 64 KB.","code":"head_too_large"}'
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
)


class BoundedHttp(HttpToolsProtocol):
    """Counts the bytes of a head, or of data after a body, and closes connections that send too much or too slowly."""

    head_seconds = 30.0

    _unread = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Start to wait for a head."""
        super().connection_made(transport)
        self._expect_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass data to the parser; data that it has not consumed yet counts."""
        self._unread += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unread > LONGEST_HEAD:
            if self._is_idle():
                self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._unread:
            self._expect_more()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._expect_nothing()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A chunk of the body has arrived; its size is limited by the app."""
        self._expect_nothing()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._expect_nothing()
        cast("dict[str, Any]", self.scope)[IS_WHOLE] = self.cycle
        super().on_message_complete()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect_more(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _expect_nothing(self) -> None:
        self._unread = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
