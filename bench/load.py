"""A small load generator: keep-alive connections that send ready-made requests and count the answers."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

MOST_SECONDS = 120


class Answers(asyncio.Protocol):
    """One connection: writes a request, waits for its whole answer, writes the next."""

    def __init__(self, make_request: Callable[[], bytes], good: bytes) -> None:
        self.make_request, self.good = make_request, good
        self.buffer = b""
        self.done = 0
        self.failed: list[bytes] = []
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        self.transport.write(self.make_request())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self.buffer.lower().find(b"content-length:", 0, head)
        length = int(self.buffer[start + 15 : self.buffer.find(b"\r\n", start)])
        if len(self.buffer) < head + 4 + length:
            return
        if self.buffer[9:12] == self.good:
            self.done += 1
        else:
            self.failed.append(self.buffer)
        self.buffer = b""
        self.transport.write(self.make_request())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.closed.done():
            self.closed.set_result(None)


def request_bytes(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """One HTTP/1.1 request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def measure(
    port: int, make_request: Callable[[], bytes], *, connections: int, seconds: float, good: bytes = b"200"
) -> float:
    """Successful answers per second over `connections` keep-alive connections; raises AssertionError on any other
    answer.

    On a busy machine it continues until every connection has had an answer.
    """
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Answers(make_request, good), "127.0.0.1", port) for _ in range(connections)
    ]
    begun, before = time.perf_counter(), sum(protocol.done for _, protocol in made)
    await asyncio.sleep(seconds)
    while (done := sum(protocol.done for _, protocol in made) - before) < connections:
        assert time.perf_counter() - begun < MOST_SECONDS, f"{done} answers in {MOST_SECONDS} seconds"
        if any(protocol.failed for _, protocol in made):
            break
        await asyncio.sleep(0.05)
    took = time.perf_counter() - begun
    failed = [answer for _, protocol in made for answer in protocol.failed]
    for transport, _ in made:
        transport.abort()
    assert not failed, f"{len(failed)} answers were not {good.decode()}: {failed[0][:2000].decode()}"
    return done / took
