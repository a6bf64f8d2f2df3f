"""Reads that a caller may keep: an answer carries its ETag, and one that has not changed is 304 without a body."""

import hashlib
from functools import wraps
from typing import Any

from quart import Response, request

from web.guards import Handler


def revalidated(handler: Handler) -> Handler:
    """Stands above `answers`: the caller may keep the answer, and asks each time whether it still holds."""

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
    """Document that the answer carries an ETag, by which the caller asks whether it still holds."""
    handler.is_revalidated = True  # type: ignore[attr-defined]
    return handler
