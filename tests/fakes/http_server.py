"""A loopback HTTP server with scripted answers that records its requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import orjson


@dataclass
class FakeHttp:
    """`answers` are used one per request: (status, body), or None to close the connection without an answer."""

    answers: list[tuple[int, object] | None]
    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def form(self, number: int = -1) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.requests[number][2].decode()).items()}

    def json(self, number: int = -1):
        return orjson.loads(self.requests[number][2])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head[1:] if ": " in line}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append((head[0].rsplit(" ", 1)[0], headers, body))
            answer = self.answers.pop(0)
            if answer is not None:
                status, content = answer
                raw = content if isinstance(content, bytes) else orjson.dumps(content)
                kind = b"text/html" if isinstance(content, bytes) else b"application/json"
                writer.write(
                    b"HTTP/1.1 %d x\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                    % (status, kind, len(raw))
                )
                writer.write(raw)
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def fake_http(*answers: tuple[int, object] | None) -> AsyncIterator[FakeHttp]:
    """The server for the duration of the block."""
    fake = FakeHttp(list(answers))
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.close()
