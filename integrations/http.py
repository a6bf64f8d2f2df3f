"""Clients of HTTP. What their encryption trusts is read once, in a thread: it takes 40 ms of the event loop else."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import httpx2


@asynccontextmanager
async def open_client(*, timeout_seconds: float) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that gives up after so long and follows no redirects."""
    async with httpx2.AsyncClient(verify=await read_trusted(), timeout=timeout_seconds) as http:
        yield http


async def read_trusted() -> ssl.SSLContext:
    """The context of TLS that all clients share."""
    return await asyncio.to_thread(_read_trusted)


@cache
def _read_trusted() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
