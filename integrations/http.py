"""HTTP clients, and what reading an answer can raise. The trusted certificates are read once, in a thread, since that
takes 40 ms."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx2

# An answer of another form than documented, when it is read: also too deep for the reader, or with a bad number.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@asynccontextmanager
async def open_client(*, timeout_seconds: float) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client for one request, which follows no redirects. Raises httpx2.ReadTimeout if the whole exchange takes
    longer than the timeout: a vendor that keeps sending a little must not hold its caller."""
    try:
        async with asyncio.timeout(timeout_seconds), open_connections(timeout_seconds=timeout_seconds) as http:
            yield http
    except TimeoutError as error:
        raise httpx2.ReadTimeout("The answer took too long.") from error


@asynccontextmanager
async def open_connections(*, timeout_seconds: float) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client for many requests, each part of which has this timeout."""
    async with httpx2.AsyncClient(verify=await read_trusted(), timeout=timeout_seconds) as http:
        yield http


def read_json_object(answer: httpx2.Response) -> dict[str, Any] | None:
    """Return the JSON object of an answer; None if it is anything else."""
    try:
        body = answer.json()
    except UNREADABLE:
        return None
    return body if isinstance(body, dict) else None


async def read_trusted() -> ssl.SSLContext:
    """Return the TLS context that all clients share."""
    return await asyncio.to_thread(_read_trusted)


@cache
def _read_trusted() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
