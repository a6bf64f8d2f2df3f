"""Reads that a caller can cache: an answer has an ETag, and an unchanged one is 304 without a body."""

import hashlib
from functools import wraps
from typing import Any

from quart import Response, request

from web.guards import Handler


def revalidated(handler: Handler) -> Handler:
    """Apply above `answers`: the caller may cache the answer and must revalidate it each time."""

    @wraps(handler)
    async def revalidating(*args: Any, **kwargs: Any) -> Any:
        response: Response = await handler(*args, **kwargs)
        if response.status_code != 200:
            return response
        body = await response.get_data(as_text=False)
        tag = hashlib.blake2b(body, digest_size=16).hexdigest()
        headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
        if request.if_none_match.contains_weak(tag):
            return Response(b"", 304, headers, content_type=response.content_type)
        response.headers.update(headers)
        return response

    return is_revalidated(revalidating)


def is_revalidated(handler: Handler) -> Handler:
    """Document that the answer has an ETag, with which the caller can revalidate it."""
    handler.is_revalidated = True  # type: ignore[attr-defined]
    return handler
