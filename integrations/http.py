"""HTTP clients. The trusted certificates are read once, in a thread, since that takes 40 ms."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import httpx2


@asynccontextmanager
async def open_client(*, timeout_seconds: float) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client with this timeout that follows no redirects."""
    async with httpx2.AsyncClient(verify=await read_trusted(), timeout=timeout_seconds) as http:
        yield http


async def read_trusted() -> ssl.SSLContext:
    """Return the TLS context that all clients share."""
    return await asyncio.to_thread(_read_trusted)


@cache
def _read_trusted() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
